"""Both directions of time, against torch.nn.GRU on packed rows and against each direction alone."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from recurra import Bidirectional, NotStreamableError, Recurrent, Stack, cells

LENGTHS = torch.tensor([3, 7, 1, 5])
EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(4, 7, 3).double()


def pair():
    torch.manual_seed(0)
    ours = Bidirectional(cells.GRU(3, 4)).double()
    theirs = nn.GRU(3, 4, bidirectional=True, batch_first=True).double()
    for cell, end in ((ours.forward_cell, ""), (ours.backward_cell, "_reverse")):
        hidden = torch.zeros_like(cell.input.bias)
        hidden[8:] = cell.candidate_bias
        theirs.load_state_dict(
            {
                f"weight_ih_l0{end}": cell.input.weight,
                f"weight_hh_l0{end}": cell.recurrent.weight,
                f"bias_ih_l0{end}": cell.input.bias,
                f"bias_hh_l0{end}": hidden,
            },
            strict=False,
        )
    return ours, theirs


def packed(theirs, x, start):
    rows = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    y, end = theirs(rows, start)
    return pad_packed_sequence(y, batch_first=True)[0], end


def test_ragged_rows_match_torch_on_packed_ones(x):
    ours, theirs = pair()
    start = torch.randn(2, 4, 4).double()
    given = ours.initial_state(4)._replace(
        forward=cells.GRUState(start[0]), backward=cells.GRUState(start[1])
    )

    y, end = ours(x, given, lengths=LENGTHS)

    wanted, wanted_end = packed(theirs, x, start)
    assert_close(y, wanted, **EXACT)
    assert_close(torch.stack([end.forward.h, end.backward.h]), wanted_end, **EXACT)


@pytest.mark.parametrize("by", [-1, 1])
def test_that_oracle_notices_a_backward_start_one_step_off(x, by):
    ours, theirs = pair()
    lengths = (LENGTHS + by).clamp(0, 7)

    wanted, _ = packed(theirs, x, None)

    assert not torch.allclose(ours(x, lengths=lengths)[0][:, 0], wanted[:, 0], atol=1e-3)


def test_without_lengths_it_is_one_layer_forward_and_one_on_the_reversed_sequence(x):
    layer, _ = pair()
    there, back = Recurrent(layer.forward_cell), Recurrent(layer.backward_cell)
    y, end, states = layer(x, return_states=True)

    forward, forward_end, forward_states = there(x, return_states=True)
    backward, backward_end, backward_states = back(x.flip(1), return_states=True)

    assert torch.equal(y, torch.cat([forward, backward.flip(1)], -1))
    assert torch.equal(end.forward.h, forward_end.h)
    assert torch.equal(end.backward.h, backward_end.h)
    assert torch.equal(states.forward.h, forward_states.h)
    assert torch.equal(states.backward.h, backward_states.h.flip(1))
    assert torch.equal(states.backward.h[:, 0], end.backward.h)


def test_sum_adds_what_concat_puts_side_by_side(x):
    concat, _ = pair()
    added = Bidirectional(concat.forward_cell, concat.backward_cell, merge="sum")

    y = concat(x, lengths=LENGTHS)[0]

    assert torch.equal(added(x, lengths=LENGTHS)[0], y[..., :4] + y[..., 4:])


def test_no_episode_sees_another(x):
    layer, _ = pair()
    start = layer(x)[1]
    reset = torch.zeros(4, 7, dtype=torch.bool)
    reset[1, 2] = reset[1, 5] = reset[3, 3] = True
    y, end = layer(x, start, lengths=LENGTHS, reset=reset)

    # Row 1: episodes 0-1, 2-4 and 5-6. The state given forward is the first one's, the state
    # given backward the last one's; what comes back lies at the two ends of the sequence.
    first, last = (
        layer(x[[1], :2], _ends(start, forward=1)),
        layer(x[[1], 5:], _ends(start, backward=1)),
    )
    middle = layer(x[[1], 2:5])
    assert_close(y[[1]], torch.cat([first[0], middle[0], last[0]], dim=1), **EXACT)
    assert_close(end.forward.h[[1]], last[1].forward.h, **EXACT)
    assert_close(end.backward.h[[1]], first[1].backward.h, **EXACT)

    # Row 3 ends at its length, 5.
    first, last = (
        layer(x[[3], :3], _ends(start, forward=3)),
        layer(x[[3], 3:5], _ends(start, backward=3)),
    )
    assert_close(y[[3], :5], torch.cat([first[0], last[0]], dim=1), **EXACT)


def _ends(state, forward=None, backward=None):
    """One row's state at one end, H_0 at the other."""
    zeros = torch.zeros(1, 4).double()
    return type(state)(
        forward=cells.GRUState(zeros if forward is None else state.forward.h[[forward]]),
        backward=cells.GRUState(zeros if backward is None else state.backward.h[[backward]]),
    )


def test_the_backward_cell_is_like_the_first_with_weights_of_its_own():
    cell = cells.InitialState(
        cells.LSTM(3, 4, forget_bias=2.0),
        cells.LSTMState(h=torch.ones(4), c=torch.ones(4)),
        learned=True,
    )
    layer = Bidirectional(cell)
    there, back = layer.forward_cell, layer.backward_cell

    assert torch.equal(back.initial_state(1).c, torch.ones(1, 4))
    assert torch.equal(back.cell.input.bias[4:8], torch.full((4,), 2.0))
    assert not torch.equal(back.cell.recurrent.weight, there.cell.recurrent.weight)
    assert {id(p) for p in there.parameters()}.isdisjoint(id(p) for p in back.parameters())


def test_one_cell_may_serve_both_directions():
    cell = cells.GRU(3, 4)

    layer = Bidirectional(cell, cell)

    assert len(list(layer.parameters())) == len(list(cell.parameters()))


def test_it_says_why_it_cannot_stream():
    layer = Stack(Bidirectional(cells.GRU(3, 4)), nn.Linear(8, 1))

    with pytest.raises(NotStreamableError) as error:
        layer.step(layer.initial_state(1), torch.zeros(1, 3))
    assert str(error.value) == (
        "Bidirectional(GRU(input_size=3, hidden_size=4)) cannot answer step by step: its backward "
        "cell reads each sequence from the end, which a stream does not have yet. Use Recurrent to "
        "stream."
    )


def test_an_unknown_merge_is_refused():
    with pytest.raises(ValueError, match="merge") as error:
        Bidirectional(cells.GRU(3, 4), merge="mean")
    assert str(error.value) == "Bidirectional: merge is 'mean', expected 'concat' or 'sum'."


@pytest.mark.parametrize(
    ("arguments", "name", "kind"),
    [
        ((Recurrent(cells.GRU(3, 4)),), "forward_cell", "Recurrent"),
        ((cells.GRU(3, 4), nn.Linear(3, 4)), "backward_cell", "Linear"),
    ],
)
def test_it_takes_cells_only(arguments, name, kind):
    with pytest.raises(TypeError) as error:
        Bidirectional(*arguments)
    assert str(error.value) == (
        f"Bidirectional: {name} is a {kind}, expected a recurra.Cell. Subclass recurra.Cell and "
        "define initial_state, update and output."
    )
