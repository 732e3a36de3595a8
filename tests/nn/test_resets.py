"""Resets inside the batch against torch run on every episode by itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from recurra.errors import ShapeError
from recurra.nn.call import as_hx, as_slots
from tests.nn.support import MAKES, assert_same, pair, random_state, random_x

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


def episodes(reset):
    """(start, stop) of the pieces that the flags of one row cut it into."""
    starts = sorted({0, *torch.nonzero(reset).flatten().tolist()})
    return list(zip(starts, [*starts[1:], len(reset)], strict=True))


def row_by_episodes(theirs, x, hx, reset):
    """One row, (time, feature): only its two ends see the state that was given."""
    slots = as_slots(theirs, hx)
    if len(x) == 0:
        return x.new_zeros(0, theirs(x.new_zeros(1, 3))[0].shape[-1]), slots
    backwards = torch.arange(len(slots[0])) % 2 == 1 if theirs.bidirectional else None
    answers, finals, pieces = [], None, episodes(reset)
    for start, stop in pieces:
        forward_given = start == 0 and not reset[0]
        backward_given = stop == len(x)
        given = torch.full((len(slots[0]), 1), forward_given)
        if backwards is not None:
            given[backwards] = backward_given
        begin = as_hx(theirs, tuple(torch.where(given, slot, 0.0) for slot in slots))
        y, end = theirs(x[start:stop], begin)
        answers.append(y)
        ends = as_slots(theirs, end)
        if finals is None:
            finals = ends
        elif backwards is not None:
            finals = tuple(
                torch.where(backwards[:, None], f, e) for f, e in zip(finals, ends, strict=True)
            )
        else:
            finals = ends
    return torch.cat(answers), finals


def by_episodes(theirs, x, hx, reset, lengths):
    """x (batch, time, feature): torch on each piece, zeros past the lengths."""
    time = x.shape[1]
    answers, finals = [], []
    for row, length in enumerate(lengths):
        state = as_hx(theirs, tuple(slot[:, row] for slot in as_slots(theirs, hx)))
        y, end = row_by_episodes(theirs, x[row, :length], state, reset[row, :length])
        answers.append(torch.cat([y, y.new_zeros(time - length, y.shape[1])]))
        finals.append(end)
    slots = tuple(torch.stack(slot, dim=1) for slot in zip(*finals, strict=True))
    return torch.stack(answers), as_hx(theirs, slots)


@st.composite
def calls(draw):
    """A module of any make, rows of any length and resets anywhere."""
    batch, time = draw(st.integers(1, 3)), draw(st.integers(0, 6))
    flags = draw(st.lists(st.booleans(), min_size=batch * time, max_size=batch * time))
    lengths = draw(st.none() | st.lists(st.integers(0, time), min_size=batch, max_size=batch))
    return {
        "make": draw(st.sampled_from(list(MAKES))),
        "num_layers": draw(st.integers(1, 2)),
        "bidirectional": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "reset": torch.tensor(flags, dtype=torch.bool).reshape(batch, time),
        "lengths": lengths,
        "seed": draw(st.integers(0, 99)),
    }


@given(calls())
@settings(max_examples=100)
def test_each_episode_runs_as_if_it_were_alone(call):
    torch.manual_seed(call.pop("seed"))
    reset, lengths, make = (call.pop(name) for name in ("reset", "lengths", "make"))
    ours, theirs = pair(make, **call)
    x, hx = random_x(*reset.shape), random_state(ours, len(reset))
    given_x, mask = (x, reset) if ours.batch_first else (x.transpose(0, 1), reset.T)

    y, state = ours(given_x, hx, reset=mask, lengths=lengths)

    y = y if ours.batch_first else y.transpose(0, 1)
    every = [reset.shape[1]] * len(reset) if lengths is None else lengths
    wanted = by_episodes(theirs, x, hx, reset, every)
    assert_same(ours, theirs, (y, state), wanted, (x, hx))


@pytest.mark.parametrize("make", MAKES)
def test_one_sequence_without_a_batch_takes_a_mask_of_time(make):
    ours, theirs = pair(make, bidirectional=True)
    x, hx = random_x(5), random_state(ours, 1)
    alone = as_hx(ours, tuple(slot[:, 0] for slot in as_slots(ours, hx)))
    reset = torch.tensor([False, False, True, True, False])

    y, state = ours(x, alone, reset=reset)

    wanted, end = row_by_episodes(theirs, x, alone, reset)
    assert_close(y, wanted, rtol=0, atol=1e-12)
    assert_close(as_slots(ours, state), end, rtol=0, atol=1e-12)


FAULTS = {
    "a missing reset": lambda reset: torch.zeros_like(reset),
    "a reset one step late": lambda reset: reset.roll(1, dims=1),
    "a reset of the wrong row": lambda reset: reset.flip(0),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("make", MAKES)
def test_the_oracle_notices(make, fault):
    ours, theirs = pair(make, batch_first=True)
    x, hx = random_x(2, 6), random_state(ours, 2)
    reset = torch.zeros(2, 6, dtype=torch.bool)
    reset[0, 1:5:2] = True
    wanted, _ = by_episodes(theirs, x, hx, reset, [6, 6])
    got, _ = ours(x, hx, reset=FAULTS[fault](reset))
    with pytest.raises(AssertionError):
        assert_close(got, wanted, rtol=0, atol=1e-12)


def test_the_oracle_notices_a_backward_direction_that_crosses_episodes():
    ours, theirs = pair("gru", batch_first=True, bidirectional=True)
    x, hx = random_x(1, 6), random_state(ours, 1)
    reset = torch.tensor([[False, False, False, True, False, False]])
    wanted, _ = by_episodes(theirs, x, hx, reset, [6])
    crossing, _ = theirs(x, hx)
    with pytest.raises(AssertionError):
        assert_close(crossing[:, :, 4:], wanted[:, :, 4:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_mask_in_another_layout_than_x_is_refused(batch_first):
    ours, _ = pair("lstm", batch_first=batch_first)
    with pytest.raises(ShapeError) as error:
        ours(random_x(2, 5), reset=torch.zeros(5, 2, dtype=torch.bool))
    axes = "batch, time" if batch_first else "time, batch"
    assert str(error.value) == (
        "LSTM(input_size=3, hidden_size=4): reset has shape (5, 2), expected (2, 5), a flag for "
        f"every row and step of x. Its axes are ({axes}), as those of x."
    )


def test_a_mask_of_numbers_is_refused():
    ours, _ = pair("gru")
    with pytest.raises(ShapeError) as error:
        ours(random_x(5, 2), reset=torch.zeros(5, 2))
    assert str(error.value) == (
        "GRU(input_size=3, hidden_size=4): reset is torch.float32, expected booleans. "
        "Pass reset.bool() where anything but 0 means a reset."
    )


def test_a_mask_may_be_an_array_or_a_list():
    ours, _ = pair("gru", batch_first=True)
    x, flags = random_x(1, 3), [[False, True, False]]
    wanted, _ = ours(x, reset=torch.tensor(flags))
    for mask in (flags, torch.tensor(flags).numpy()):
        assert torch.equal(ours(x, reset=mask)[0], wanted)
