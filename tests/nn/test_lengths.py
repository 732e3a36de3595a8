"""Ragged rows without packing, against torch run on every row cut at its length."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from recurra.errors import ShapeError
from recurra.nn import engine as engines
from recurra.nn.call import as_hx, as_slots
from tests.nn.support import MAKES, assert_same, pair, random_state, random_x

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

ENGINES = ["chosen", "loop"]


def row_by_row(theirs, x, hx, lengths):
    """x (time, batch, feature); a row of length 0 keeps its state."""
    answers, finals = [], []
    for row, length in enumerate(lengths):
        state = tuple(slot[:, row] for slot in as_slots(theirs, hx))
        width = theirs(x.new_zeros(1, 3))[0].shape[1]
        y = x.new_zeros(0, width)
        if length:
            y, end = theirs(x[:length, row], as_hx(theirs, state))
            state = as_slots(theirs, end)
        answers.append(torch.cat([y, y.new_zeros(len(x) - length, width)]))
        finals.append(state)
    slots = tuple(torch.stack(slot, dim=1) for slot in zip(*finals, strict=True))
    return torch.stack(answers, dim=1), as_hx(theirs, slots)


@pytest.mark.parametrize("engine_name", ENGINES)
@given(data=st.data())
def test_each_row_runs_as_if_it_were_cut_at_its_length(engine_name, data):
    torch.manual_seed(data.draw(st.integers(0, 99)))
    time = data.draw(st.integers(0, 6))
    lengths = data.draw(st.lists(st.integers(0, time), min_size=1, max_size=4))
    options = {
        "num_layers": data.draw(st.integers(1, 2)),
        "bidirectional": data.draw(st.booleans()),
        "batch_first": data.draw(st.booleans()),
    }
    ours, theirs = pair(data.draw(st.sampled_from(list(MAKES))), **options)
    x, hx = random_x(time, len(lengths)), random_state(ours, len(lengths))

    with pytest.MonkeyPatch.context() as patch:
        if engine_name == "loop":
            patch.setattr(engines, "choose", lambda *_, **__: "loop")
        if ours.batch_first:
            y, state = ours(x.transpose(0, 1), hx, lengths=lengths)
            y = y.transpose(0, 1)
        else:
            y, state = ours(x, hx, lengths=torch.tensor(lengths, dtype=torch.int32))

    wanted = row_by_row(theirs, x, hx, lengths)
    assert_same(ours, theirs, (y, state), wanted, (x, hx))


def test_the_oracle_notices_a_row_that_runs_on_past_its_length():
    ours, theirs = pair("gru")
    x, hx = random_x(5, 2), random_state(ours, 2)
    with pytest.raises(AssertionError):
        assert_close(ours(x, hx)[1], row_by_row(theirs, x, hx, [5, 3])[1], rtol=0, atol=1e-12)


def test_lengths_give_what_packing_and_padding_gave(engine):
    ours, theirs = pair("lstm", batch_first=True, bidirectional=True, num_layers=2)
    x, lengths = random_x(3, 6), torch.tensor([2, 6, 4])
    packed, end = theirs(pack_padded_sequence(x, lengths, True, enforce_sorted=False))
    padded, _ = pad_packed_sequence(packed, batch_first=True)

    assert_close(ours(x, lengths=lengths), (padded, end), rtol=0, atol=1e-12)


@pytest.mark.parametrize("reset", [None, torch.zeros(2, 4, dtype=torch.bool)])
def test_not_even_nan_past_a_length_reaches_answers_or_gradients(reset, engine):
    ours, _ = pair("lstm", batch_first=True, bidirectional=True)
    x = random_x(2, 4).detach()
    x[1, 2:] = float("nan")
    x.requires_grad_()
    y, (h, c) = ours(x, lengths=[4, 2], reset=reset)
    (y.sum() + h.sum() + c.sum()).backward()
    gradients = [x.grad, *(weight.grad for weight in ours.parameters())]
    assert all(values.isfinite().all() for values in (y, h, c, *gradients))
    assert not x.grad[1, 2:].any()


@pytest.mark.parametrize("shape", [(2, 0), (0, 5), (0, 0)])
def test_no_steps_or_no_rows_are_no_error_where_lengths_are_given(shape, engine):
    ours, _ = pair("gru", batch_first=True)
    hx = random_state(ours, shape[0])
    y, state = ours(random_x(*shape), hx, lengths=[0] * shape[0])
    assert y.shape == (*shape, 4)
    assert torch.equal(state, hx)


REFUSED = {
    "expected whole numbers of steps": [1.0, 2.0],
    "lengths has shape (3,), expected (2,), one number a row of x": [1, 2, 3],
    "lengths go from 1 to 6, expected 0 to 5, the time steps of x": [1, 6],
    "lengths go from -1 to 5, expected 0 to 5": [-1, 5],
}


@pytest.mark.parametrize("message", REFUSED)
def test_lengths_that_do_not_fit_x_are_refused(message):
    ours, _ = pair("lstm")
    with pytest.raises(ShapeError) as error:
        ours(random_x(5, 2), lengths=REFUSED[message])
    assert message in str(error.value)
    assert str(error.value).startswith("LSTM(input_size=3, hidden_size=4): lengths ")


def test_lengths_of_one_sequence_without_a_batch_are_refused():
    ours, _ = pair("lstm")
    with pytest.raises(ShapeError, match=r"has no batch axis\. Cut x at its length instead"):
        ours(random_x(5), lengths=[3])


@pytest.mark.parametrize("argument", ["lengths", "reset"])
def test_lengths_or_a_mask_beside_packed_rows_are_refused(argument):
    ours, _ = pair("lstm")
    packed = pack_padded_sequence(random_x(5, 2), [5, 3])
    with pytest.raises(ShapeError) as error:
        ours(packed, **{argument: torch.tensor([5, 3])})
    assert str(error.value) == (
        f"LSTM(input_size=3, hidden_size=4): {argument} is given for a PackedSequence, expected "
        "padded x. Pass x as a tensor with lengths; it needs no packing."
    )
