"""Memory for what training keeps: lent once at a time, and used again."""

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import recurra as rc
from recurra.engine import blocks
from recurra.engine.blocks import block_of

LARGE = 3 * blocks.FROM


@pytest.fixture(autouse=True)
def _nothing_waits():
    rc.empty_cache()
    yield
    rc.empty_cache()


def test_a_block_is_lent_to_one_at_a_time():
    first, second = block_of(LARGE), block_of(LARGE)

    first.fill_(1)
    second.fill_(2)

    assert first.data_ptr() != second.data_ptr()
    assert (first == 1).all()


def test_a_freed_block_is_lent_again_and_fits():
    first = block_of(LARGE)
    address = first.data_ptr()
    del first

    again = block_of(LARGE - 5)

    assert again.data_ptr() == address
    assert again.shape == (LARGE - 5,)


def test_a_view_keeps_its_block_from_being_lent_again():
    first = block_of(LARGE)
    view = first[10:20]
    del first

    assert block_of(LARGE).data_ptr() != view.data_ptr() - 10


def test_a_block_is_not_lent_for_less_than_half_of_it():
    first = block_of(4 * LARGE)
    address = first.data_ptr()
    del first

    assert block_of(LARGE).data_ptr() != address


def test_what_waits_is_bounded(monkeypatch):
    monkeypatch.setattr(blocks, "AT_MOST", 2 * LARGE)
    lent = [block_of(LARGE) for _ in range(5)]
    addresses = [block.data_ptr() for block in lent]

    while lent:
        lent.pop(0)

    assert sum(map(len, blocks._waiting)) == 2 * LARGE
    assert {block_of(LARGE).data_ptr(), block_of(LARGE).data_ptr()} <= set(addresses[-2:])


def test_emptying_the_cache_leaves_nothing_waiting():
    del_me = block_of(LARGE)
    del del_me
    assert blocks._waiting

    rc.empty_cache()

    assert not blocks._waiting


def test_threads_never_share_a_block():
    def fill(mark):
        for _ in range(50):
            block = block_of(LARGE)
            block[:1000].fill_(mark)
            if not (block[:1000] == mark).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(fill, range(4)))


@pytest.mark.parametrize("end", ["backward", "drop"])
def test_training_steps_use_the_same_memory(end):
    layer, x = rc.Recurrent(rc.cells.LSTM(16, 64)), torch.randn(32, 40, 16)

    def step():
        y, _ = layer(x)
        if end == "backward":
            y.sum().backward()

    step()
    gc.collect()
    (waiting,) = blocks._waiting
    step()
    gc.collect()

    assert [block is waiting for block in blocks._waiting] == [True]


def test_two_graphs_alive_at_once_have_their_own_memory_and_gradients():
    layer, x = rc.Recurrent(rc.cells.LSTM(16, 64)), torch.randn(2, 32, 40, 16, requires_grad=True)
    (wanted,) = torch.autograd.grad(layer(x[0])[0].sum(), x)

    first, second = layer(x[0])[0], layer(x[1])[0]
    del second
    third = layer(x[1])[0]

    (found,) = torch.autograd.grad(first.sum(), x)
    assert torch.equal(found, wanted)
    del third
