"""Which engine runs a layer, how one says so, and what a layer says of it."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.testing import assert_close

import recurra as rc
from recurra.engine import memory
from recurra.layers import Layer
from tests.contracts.drawn import layer_of
from tests.contracts.rows import every_layer


class Cumulated(rc.Cell):
    """A cell with an operation that no program has."""

    def __init__(self):
        super().__init__()
        self.input_size = 3
        self.inside = nn.Linear(3, 3)

    def initial_state(self, batch):
        return self.zeros(batch, 3)

    def update(self, state, x):
        return torch.cummax(self.inside(x) + state, -1).values

    def output(self, state, x):
        return state


class Mixing(Cumulated):
    """A cell whose rows see each other."""

    def update(self, state, x):
        return self.inside(x) + state.mean(0)


@pytest.fixture
def native_calls(monkeypatch):
    """How often the native engine has run."""
    calls = []
    sound = memory.Runner.forward

    def watched(self, run, keep):
        calls.append(run)
        return sound(self, run, keep)

    monkeypatch.setattr(memory.Runner, "forward", watched)
    return calls


def lstm():
    return rc.Recurrent(rc.cells.LSTM(3, 4))


def x_for(batch=2, time=5, **options):
    return torch.randn(batch, time, 3, **options)


# --- what is native -------------------------------------------------------------------------------


@every_layer
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_layer_of_the_library_is_native(row, training, dtype):
    layer = layer_of(row, dtype=dtype).train(training)

    with warnings.catch_warnings(action="error"):
        assert layer.engine == "native"


def test_layers_and_steps_run_natively_by_themselves(native_calls):
    layer = lstm()

    layer(x_for())
    layer.step(None, x_for()[:, 0])

    assert [(run.inputs[0].shape, len(run.starts)) for run in native_calls] == [
        ((2, 5, 3), 0),
        ((2, 1, 3), 0),
    ]


def test_a_stack_is_one_program(native_calls):
    rc.Stack(lstm(), nn.Linear(4, 4), nn.Dropout(0.5), rc.Recurrent(rc.cells.GRU(4, 4)))(x_for())

    assert len(native_calls) == 1


def test_a_stack_with_a_part_that_reads_from_the_end_goes_part_by_part(native_calls):
    layer = rc.Stack(rc.Bidirectional(rc.cells.GRU(3, 4)), nn.Linear(8, 3), lstm())

    layer(x_for())

    assert [run.backwards for run in native_calls] == [False, True, False]
    assert layer.engine == "native"


# --- being told -----------------------------------------------------------------------------------


def test_a_layer_told_to_run_in_torch_does_and_so_do_the_layers_in_it(native_calls):
    layer = rc.Stack(lstm(), rc.Residual(rc.Recurrent(rc.cells.GRU(4, 4))))

    assert layer.use_engine("torch") is layer
    layer(x_for())
    layer.step(None, x_for()[:, 0])

    assert native_calls == []
    assert {part.engine for part in layer.modules() if isinstance(part, Layer)} == {"torch"}
    layer.use_engine("auto")(x_for())
    assert len(native_calls) == 1


def test_a_layer_told_to_run_natively_raises_where_it_cannot():
    layer = rc.Recurrent(Cumulated()).use_engine("native")

    with pytest.raises(rc.TraceError) as error:
        layer(x_for())

    assert str(error.value) == (
        "Cumulated(): the native engine cannot run it: aten.cummax.default has no "
        'counterpart among the ops. Use layer.use_engine("auto").'
    )


def test_so_does_it_for_a_call_that_is_not_for_the_cpu_in_full_precision():
    layer = lstm().use_engine("native").bfloat16()

    with pytest.raises(rc.PlanError, match=r"the call is in torch.bfloat16, not float32 or"):
        layer(x_for().bfloat16())


def test_another_engine_is_refused_by_name():
    with pytest.raises(ValueError, match=r"LSTM.*: engine is 'fast', expected 'auto', 'native' or"):
        lstm().use_engine("fast")


def test_copies_keep_the_choice_and_nothing_the_engine_knows():
    layer = lstm().use_engine("native")
    layer(x_for())

    for twin in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin._engine == "native"
        assert twin._native == {}
        assert twin._native is not layer._native


# --- one warning ----------------------------------------------------------------------------------


def test_a_layer_that_cannot_be_traced_runs_in_torch_after_one_warning(native_calls):
    layer = rc.Recurrent(Cumulated())
    x = x_for()

    with pytest.warns(UserWarning, match="in torch") as warned:
        y, _ = layer(x)
    layer(x)
    layer.step(None, x[:, 0])

    assert [str(each.message) for each in warned] == [
        "Cumulated() runs step by step in torch, not on the native engine: "
        "aten.cummax.default has no counterpart among the ops. "
        'layer.use_engine("torch") says that this is meant.'
    ]
    assert native_calls == []
    assert layer.engine == "torch"
    assert_close(y, layer.use_engine("torch")(x)[0])


def test_the_warning_points_at_the_line_that_called_the_layer():
    with pytest.warns(UserWarning, match="in torch") as warned:
        rc.Recurrent(Cumulated())(x_for())

    assert warned[0].filename == __file__


def test_a_stack_warns_once_for_all_its_parts():
    layer = rc.Stack(rc.Recurrent(Mixing()), rc.Recurrent(Cumulated()))

    with pytest.warns(UserWarning, match="aten.mean.dim works along the batch axis") as warned:
        layer(x_for())

    assert len(warned) == 1


def test_a_layer_told_to_run_in_torch_does_not_warn():
    with warnings.catch_warnings(action="error"):
        rc.Recurrent(Cumulated()).use_engine("torch")(x_for())


# --- calls that are torch's -----------------------------------------------------------------------

IN_TORCH = {
    "bfloat16": lambda layer, x: layer.bfloat16()(x.bfloat16())[0].float(),
    "autocast": lambda layer, x: autocast(layer, x),
    "vmap": lambda layer, x: torch.func.vmap(lambda one: layer(one)[0])(x[:, None])[:, 0],
    "func.grad": lambda layer, x: torch.func.grad(lambda x: layer(x)[0].sum())(x),
    "forward mode": lambda layer, x: forward_mode(layer, x),
    "jit": lambda layer, x: torch.jit.trace(Answers(layer), x, check_trace=False)(x),
}


class Answers(nn.Module):
    """A layer without its state."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def autocast(layer, x):
    with torch.autocast("cpu", torch.bfloat16):
        return layer(x)[0]


def forward_mode(layer, x):
    with forward_ad.dual_level():
        y, _ = layer(forward_ad.make_dual(x, torch.ones_like(x)))
        return forward_ad.unpack_dual(y).tangent


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit")
@pytest.mark.parametrize("call", IN_TORCH.values(), ids=IN_TORCH)
def test_what_is_not_for_the_engine_runs_in_torch_without_a_word(call, native_calls):
    layer, x = lstm(), x_for()

    made = call(copy.deepcopy(layer), x)

    assert native_calls == []
    assert_close(made, call(copy.deepcopy(layer).use_engine("torch"), x))


def test_gradients_are_switched_off_and_on_around_the_same_layer(native_calls):
    layer, x = lstm(), x_for()

    with torch.inference_mode():
        quiet, _ = layer(x)
    with torch.no_grad():
        silent, _ = layer(x)
    loud, _ = layer(x)

    assert len(native_calls) == 3
    assert (quiet.requires_grad, silent.requires_grad, loud.requires_grad) == (False, False, True)
    assert torch.equal(quiet, silent)
    assert torch.equal(silent, loud)


def test_an_index_outside_of_its_table_is_torchs_error():
    layer = rc.Stack(nn.Embedding(6, 3), lstm())

    with pytest.raises(IndexError):
        layer(torch.tensor([[5, 6]]))
    layer(torch.tensor([[5, 6]]), lengths=[1])


def test_other_whole_numbers_are_indices_too():
    layer = rc.Stack(nn.Embedding(6, 3), lstm())
    x = torch.randint(6, (2, 4))

    assert torch.equal(layer(x.int())[0], layer(x)[0])


def test_whole_numbers_for_features_are_torchs_error():
    with pytest.raises(rc.ShapeError, match=r"x is torch\.int64"):
        lstm()(torch.zeros(2, 5, 3, dtype=torch.long))
