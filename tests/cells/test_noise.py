"""`Zoneout` and `VariationalDropout`: what they draw, when, and what they leave alone."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from recurra import Bidirectional, Cell, Recurrent, cells


def within(count, draws, rate, deviations=5):
    """Whether a count of events is as near to its mean as a binomial one nearly always is."""
    return abs(count - draws * rate) < deviations * (draws * rate * (1 - rate)) ** 0.5


# Zoneout


def states(batch=500):
    torch.manual_seed(0)
    old = cells.LSTMState(h=torch.randn(batch, 4), c=torch.randn(batch, 4))
    return old, torch.randn(batch, 3)


def test_zoneout_in_training_keeps_each_unit_or_takes_the_new_one():
    old, x = states()
    cell = cells.Zoneout(cells.LSTM(3, 4), {"h": 0.1, "c": 0.5})
    new = cell.cell.update(old, x)

    mixed = cell.update(old, x)

    for got, was, is_now, rate in zip(mixed, old, new, (0.1, 0.5), strict=True):
        assert ((got == was) | (got == is_now)).all()
        assert within(int((got == was).sum()), got.numel(), rate)


def test_zoneout_draws_anew_for_every_step_and_slot():
    old, x = states()
    cell = cells.Zoneout(cells.LSTM(3, 4), 0.5)

    first, second = cell.update(old, x), cell.update(old, x)

    assert not torch.equal(first.h == old.h, second.h == old.h)
    assert not torch.equal(first.h == old.h, first.c == old.c)


def test_zoneout_in_evaluation_is_the_expectation_of_training():
    old, x = states()
    cell = cells.Zoneout(cells.LSTM(3, 4), {"h": 0.1, "c": 0.5}).eval()
    new = cell.cell.update(old, x)

    mixed = cell.update(old, x)

    assert_close(mixed.h, 0.1 * old.h + 0.9 * new.h)
    assert_close(mixed.c, 0.5 * old.c + 0.5 * new.c)


def test_zoneout_changes_every_slot_it_does_not_name():
    old, x = states()
    cell = cells.Zoneout(cells.LSTM(3, 4), {"c": 0.5})

    assert torch.equal(cell.update(old, x).h, cell.cell.update(old, x).h)


def test_zoneout_answers_from_the_kept_state():
    old, x = states()
    y, mixed = cells.Zoneout(cells.LSTM(3, 4), 0.5).step(old, x)

    assert torch.equal(y, mixed.h)


def test_zoneout_keeps_small_rates_in_low_precision():
    # A draw in bfloat16 is a multiple of 1/256: a rate of 0.001 would become four times that.
    cell = cells.Zoneout(cells.Seen(1000).bfloat16(), {"seen": 0.001})
    old = cell.initial_state(400)

    kept = cell.update(old, torch.ones(400, 1000, dtype=torch.bfloat16)).seen == 0

    assert within(int(kept.sum()), kept.numel(), 0.001)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (1.0, "Zoneout: h is 1.0, expected a probability in [0, 1)."),
        ({"c": -0.1}, "Zoneout: c is -0.1, expected a probability in [0, 1)."),
        (
            {"d": 0.1},
            "Zoneout(LSTM(input_size=3, hidden_size=4)): rate names ['d'], but the state's slots "
            "are ['h', 'c'].",
        ),
    ],
)
def test_zoneout_refuses_what_is_no_rate(rate, message):
    with pytest.raises(ValueError, match="Zoneout") as error:
        cells.Zoneout(cells.LSTM(3, 4), rate)
    assert str(error.value) == message


# Variational dropout


class ProbeState(NamedTuple):
    h: Tensor  # (batch, 4)


class Probe(Cell[ProbeState]):
    """Notes every x it is given, and what reaches the weights of its state."""

    input_size = 3
    recurrent_maps = ("recurrent",)

    def __init__(self):
        super().__init__()
        self.recurrent = nn.Linear(4, 4, bias=False)
        self.inputs, self.outputs, self.recalled = [], [], []
        self.recurrent.register_forward_pre_hook(self._note)

    def _note(self, module, arguments):
        self.recalled.append(arguments[0])

    def initial_state(self, batch):
        return ProbeState(h=self.zeros(batch, 4) + 1)

    def update(self, state, x):
        self.inputs.append(x)
        self.recurrent(state.h)
        return state

    def output(self, state, x):
        self.outputs.append(x)
        return state.h


def noted(batch=50, time=6, calls=1, **rates):
    """What the probe saw of ones, (calls, time, batch, ...): x in f, x in g and the state."""
    torch.manual_seed(0)
    probe = Probe()
    layer = Recurrent(cells.VariationalDropout(probe, **rates))
    for _ in range(calls):
        layer(torch.ones(batch, time, 3))
    seen = (probe.inputs, probe.outputs, probe.recalled)
    return [torch.stack(each).reshape(calls, time, batch, -1) for each in seen]


@pytest.mark.parametrize(("rates", "which"), [({"input": 0.3}, 0), ({"recurrent": 0.3}, 2)])
def test_one_mask_serves_all_steps_of_a_call(rates, which):
    seen = noted(calls=2, **rates)[which]

    assert torch.equal(seen, seen[:, :1].expand_as(seen))
    assert set(seen.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).item()}


@pytest.mark.parametrize(("rates", "which"), [({"input": 0.3}, 0), ({"recurrent": 0.3}, 2)])
def test_masks_differ_between_rows_and_calls(rates, which):
    first, second = noted(calls=2, **rates)[which][:, 0]

    assert not torch.equal(first, second)
    assert len(first.unique(dim=0)) > 4


@pytest.mark.parametrize(("rates", "which"), [({"input": 0.3}, 0), ({"recurrent": 0.3}, 2)])
def test_as_many_units_are_dropped_as_asked_and_the_expectation_stays(rates, which):
    seen = noted(batch=5000, time=1, **rates)[which]

    assert within(int((seen == 0).sum()), seen.numel(), 0.3)
    assert abs(seen.mean() - 1) < 0.02


def test_each_rate_acts_on_its_own_side_alone():
    ones = {0: torch.ones(1, 6, 50, 3), 2: torch.ones(1, 6, 50, 4)}

    assert torch.equal(noted(recurrent=0.3)[0], ones[0])
    assert torch.equal(noted(input=0.3)[2], ones[2])


def test_a_feature_dropped_from_x_does_not_reach_the_output_past_the_state():
    update, output, _ = noted(input=0.3)

    assert torch.equal(update, output)


def test_wrapped_twice_both_masks_act():
    probe = Probe()
    once = cells.VariationalDropout(probe, recurrent=0.5)
    layer = Recurrent(cells.VariationalDropout(cells.Zoneout(once, 0.0), recurrent=0.2))

    layer(torch.ones(200, 1, 3))

    values = probe.recalled[0].unique()
    assert_close(values, torch.tensor([0.0, 2.5]))


def test_an_inner_wrapper_in_evaluation_leaves_the_outer_one_at_work():
    probe = Probe()
    layer = Recurrent(
        cells.VariationalDropout(cells.VariationalDropout(probe, recurrent=0.5), recurrent=0.2)
    )
    layer.cell.cell.training = False

    layer(torch.ones(200, 1, 3))

    assert_close(probe.recalled[0].unique(), torch.tensor([0.0, 1.25]))


@pytest.mark.parametrize("make", [cells.Elman, cells.LSTM, cells.GRU])
@pytest.mark.parametrize("rates", [{"input": 0.5}, {"recurrent": 0.5}])
def test_in_evaluation_and_step_by_step_nothing_is_dropped(make, rates):
    bare = Recurrent(make(3, 4))
    layer = Recurrent(cells.VariationalDropout(bare.cell, **rates))
    x = torch.randn(2, 5, 3)
    state = bare(x)[1]

    assert torch.equal(layer.step(state, x[:, 0])[0], bare.step(state, x[:, 0])[0])
    assert not torch.equal(layer(x)[0], bare(x)[0])
    assert torch.equal(layer.eval()(x)[0], bare(x)[0])


@pytest.mark.parametrize("reset", ["after", "before"])
def test_what_the_gru_carries_is_never_erased(reset):
    cell = cells.GRU(3, 4, reset=reset).double()
    with torch.no_grad():
        cell.input.bias[4:8] = 100  # z is 1: carry everything
    layer = Recurrent(cells.VariationalDropout(cell, recurrent=0.5))
    start = cells.GRUState(h=torch.randn(3, 4).double())

    _, end = layer(torch.randn(3, 20, 3).double(), start)

    assert torch.equal(end.h, start.h)


def test_that_oracle_notices_a_mask_on_the_state_itself():
    cell = cells.GRU(3, 4).double()
    with torch.no_grad():
        cell.input.bias[4:8] = 100
    start = cells.GRUState(h=torch.randn(3, 4).double())
    mask = torch.tensor([0, 2, 0, 2])

    erased = cell.update(cells.GRUState(h=start.h * mask), torch.randn(3, 3).double())

    assert not torch.equal(erased.h, start.h)


def test_the_weights_are_shared_with_the_masked_copy():
    layer = Recurrent(cells.VariationalDropout(cells.LSTM(3, 4), input=0.2, recurrent=0.2))
    before = layer.state_dict().keys()

    layer(torch.randn(8, 5, 3))[0].sum().backward()

    assert all(weight.grad is not None for weight in layer.parameters())
    assert layer.state_dict().keys() == before


def test_both_directions_draw_masks_of_their_own():
    there, back = Probe(), Probe()
    layer = Bidirectional(
        cells.VariationalDropout(there, input=0.5), cells.VariationalDropout(back, input=0.5)
    )

    layer(torch.ones(50, 4, 3))

    assert not torch.equal(there.inputs[0], back.inputs[0])


class Anonymous(Cell[Tensor]):
    def initial_state(self, batch):
        return self.zeros(batch, 1)


class Misnamed(Anonymous):
    input_size = 3
    recurrent_maps = ("inside",)

    def __init__(self):
        super().__init__()
        self.inside = nn.Tanh()


@pytest.mark.parametrize(
    ("cell", "rates", "kind", "message"),
    [
        (
            cells.LSTM(3, 4),
            {"input": 1.0},
            ValueError,
            "VariationalDropout: input is 1.0, expected a probability in [0, 1).",
        ),
        (
            cells.LSTM(3, 4),
            {"recurrent": -0.5},
            ValueError,
            "VariationalDropout: recurrent is -0.5, expected a probability in [0, 1).",
        ),
        (
            cells.Mean(3),
            {"recurrent": 0.5},
            ValueError,
            "VariationalDropout(Mean(size=3)): recurrent is 0.5, but the cell does not say which "
            "submodules multiply its state. Name them in recurrent_maps.",
        ),
        (
            Anonymous(),
            {"input": 0.5},
            ValueError,
            "VariationalDropout(Anonymous()): input is 0.5, but the cell does not say how many "
            "features x has. Set input_size.",
        ),
        (
            Misnamed(),
            {"recurrent": 0.5},
            TypeError,
            "VariationalDropout(Misnamed()): recurrent_maps names 'inside', a Tanh, expected a "
            "torch.nn.Linear.",
        ),
    ],
)
def test_variational_dropout_refuses_what_it_cannot_mask(cell, rates, kind, message):
    with pytest.raises(kind) as error:
        cells.VariationalDropout(cell, **rates)
    assert str(error.value) == message
