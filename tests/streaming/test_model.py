"""A loaded model in numpy does what its torch layers do, and checks what it is given."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from recurra import Bidirectional, Recurrent, Stack, cells
from recurra.cells.base import Described
from recurra.errors import NotStreamableError, ShapeError, StateError
from tests.contracts import homemade
from tests.contracts.drawn import layer_of, x_of
from tests.contracts.rows import every_layer, every_streaming_layer
from tests.streaming.made import a_model, loaded


@pytest.fixture
def model(tmp_path):
    return loaded(a_model(), tmp_path)


@every_streaming_layer
def test_a_step_is_the_layers_own_step(row, tmp_path):
    layer, x = layer_of(row), x_of(row, 3, 4)
    model, state, theirs = loaded(layer, tmp_path), None, layer.initial_state(3)

    for t in range(4):
        got, state = model.step(state, x[:, t].numpy())
        wanted, theirs = layer.step(theirs, x[:, t])
        np.testing.assert_array_equal(got, wanted.detach().numpy(), strict=True)


def test_a_sequence_goes_on_where_the_state_left_it(model):
    x = np.random.default_rng(0).normal(size=(2, 6, 3))
    whole, end = model.run(x)

    first, state = model.run(x[:, :4])
    rest, state = model.run(x[:, 4:], state)

    np.testing.assert_array_equal(np.concatenate([first, rest], 1), whole)
    np.testing.assert_array_equal(state["0.c"], end["0.c"])


def test_without_a_batch_axis_nothing_has_one(model):
    x = np.random.default_rng(0).normal(size=(5, 3))
    reset = np.array([False, False, True, False, False])
    y, state = model.run(x, reset=reset)
    batched, after = model.run(x[None], reset=reset[None])

    assert (y.shape, state["0.h"].shape) == ((5, 2), (4,))
    np.testing.assert_array_equal(y, batched[0])
    np.testing.assert_array_equal(model.run(x, state)[0], model.run(x[None], after)[0][0])
    assert not np.array_equal(y, model.run(x)[0])  # the reset was heard


def test_no_steps_give_no_answers(model):
    y, state = model.run(np.zeros((2, 0, 3)))

    assert y.shape == (2, 0, 2)
    assert not state["0.h"].any()


@pytest.mark.parametrize("dtype", [np.int32, np.float64, np.float16, bool, ">f4"])
def test_any_numbers_are_taken(model, dtype):
    x = np.eye(3).astype(dtype)

    np.testing.assert_array_equal(model.run(x)[0], model.run(np.eye(3, dtype="f4"))[0])
    np.testing.assert_array_equal(model.run(x.tolist())[0], model.run(np.eye(3))[0])
    np.testing.assert_array_equal(model.run(x[::-1].T)[0], model.run(np.eye(3)[::-1].T)[0])


def test_neither_inputs_nor_answers_nor_states_share_memory_with_the_model(tmp_path):
    """Seen answers from its state and Repeats keeps its input: the worst cases."""
    model = loaded(Recurrent(cells.Repeats(2)), tmp_path)
    x = np.array([[0, 1]], dtype=np.float32)
    y, state = model.step(None, x)
    kept = {name: slot.copy() for name, slot in state.items()}

    x[:] = y[:] = 7
    for name, slot in state.items():
        np.testing.assert_array_equal(slot, kept[name])
    model.step(state, np.array([[0.0, 1.0]]))
    for name, slot in state.items():
        np.testing.assert_array_equal(slot, kept[name])
        slot[:] = 9
    assert not model.initial_state(1)["last"].any()


def test_an_embedding_takes_indices(tmp_path):
    layer = Stack(nn.Embedding(5, 3), Recurrent(cells.GRU(3, 4)))
    model = loaded(layer, tmp_path)

    y, _ = model.run([[0, 4, 2]])
    assert model.takes_indices
    np.testing.assert_allclose(y, layer(torch.tensor([[0, 4, 2]]))[0].detach().numpy(), atol=1e-6)
    stream = model.stream()
    np.testing.assert_allclose([stream.step(x) for x in (0, 4, 2)], y[0], atol=1e-6)
    with pytest.raises(ShapeError, match=r"x is float64, expected whole numbers"):
        model.run([[0.0, 1.0]])


def test_sizes_are_known_before_any_input(tmp_path):
    parts = [nn.Dropout(0.1), Recurrent(cells.LSTM(3, 4)), nn.Linear(4, 2)]
    model = loaded(Stack(*parts), tmp_path)

    assert (model.input_size, model.output_size, model.parameters) == (3, 2, 16 * 7 + 16 + 10)
    assert {name: slot.shape for name, slot in model.slots.items()} == {"1.h": (4,), "1.c": (4,)}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.run(np.zeros((2, 5, 4))), r"shape \(2, 5, 4\), expected \(batch, time, 3\)"),
        (lambda m: m.run(np.zeros(3)), r"x has shape \(3,\), expected \(batch, time, 3\)"),
        (lambda m: m.step(None, np.zeros(3)), r"x has shape \(3,\), expected \(batch, 3\)"),
        (lambda m: m.stream().step(np.zeros((1, 3))), r"x has shape \(1, 3\), expected \(3\)"),
        (lambda m: m.run(np.zeros((2, 3), complex)), "x is complex128, expected numbers"),
        (lambda m: m.run([["a", "b", "c"]]), "x is <U1, expected numbers"),
        (lambda m: m.run(np.zeros((2, 5, 3)), lengths=[1.5, 2]), "lengths is float64"),
        (lambda m: m.run(np.zeros((2, 5, 3)), lengths=[1, 9]), "lengths go from 1 to 9"),
        (lambda m: m.run(np.zeros((5, 3)), lengths=[1]), "has no batch axis"),
        (lambda m: m.run(np.zeros((2, 5, 3)), reset=np.zeros((2, 5))), "reset is float64"),
        (lambda m: m.run(np.zeros((2, 5, 3)), reset=[[True]]), r"reset has shape \(1, 1\)"),
    ],
)  # fmt: skip
def test_input_that_does_not_fit_is_refused(model, call, words):
    with pytest.raises(ShapeError, match=words):
        call(model)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "state has slots none, expected 0.h, 0.c"),
        ({"0.h": np.zeros((2, 4))}, "state has slots 0.h, expected 0.h, 0.c"),
        (
            {"0.h": np.zeros((2, 4)), "0.c": np.zeros((1, 4))},
            r"0.c of shape \(1, 4\), expected \(2",
        ),
        ({"0.h": np.zeros((2, 4)), "0.c": np.zeros((2, 4), complex)}, "0.c of complex128"),
        ({"0.h": np.zeros((2, 4)), "0.c": [["a"] * 4] * 2}, "0.c of <U1, expected float32"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(model, state, words):
    with pytest.raises(StateError, match=words):
        model.step(state, np.zeros((2, 3)))


def test_a_bidirectional_model_refuses_to_stream(tmp_path):
    model = loaded(Stack(Bidirectional(cells.GRU(3, 4)), nn.Linear(8, 1)), tmp_path)

    for call in (model.stream, lambda: model.step(None, np.zeros((1, 3)))):
        with pytest.raises(NotStreamableError, match="backward cell reads each sequence from the"):
            call()


def test_the_description_names_layers_sizes_state_and_equations(model):
    text = model.describe()

    for words in (
        "cell: LSTM(input_size=3, hidden_size=4",
        "torch.nn.Linear(in_features=4, out_features=2",
        "0.h (4), 0.c (4): 8 numbers, 32 bytes a stream",
        f"{16 * 7 + 16 + 10}",
        model.fingerprint,
        "h_t = σ(o) ⊙ tanh(c_t)",
        "Output g: y_t = h_t.",
    ):
        assert words in text
    assert ">>>" not in text


@every_layer
def test_every_layer_can_be_described(row, tmp_path):
    layer = layer_of(row)
    text = loaded(layer, tmp_path).describe()

    for module in layer.modules():
        if isinstance(module, Described):
            assert type(module).__name__ in text


def loaded_by(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_streaming_half_loads_no_torch():
    modules = loaded_by("import sys, recurra.streaming, recurra.engine; print(*sys.modules)")

    assert "recurra.streaming" in modules
    assert "torch" not in modules


def test_streaming_a_saved_model_loads_no_torch(tmp_path):
    layer = Stack(Recurrent(cells.LSTM(3, 4)), Recurrent(homemade.Leaky(4, 4)), nn.Linear(4, 2))
    loaded(layer, tmp_path)

    modules = loaded_by(
        f"import sys, recurra; model = recurra.load({str(tmp_path / 'model.recurra')!r}); "
        f"stream = model.stream(); stream.step([1, 2, 3]); stream.restore(stream.snapshot()); "
        f"model.run([[1, 2, 3]]); model.describe(); print(*sys.modules)"
    )

    assert "recurra.engine.runtime" in modules
    assert not {"torch", "recurra.cells", "recurra.layers"} & modules


def test_that_check_notices_the_layers(tmp_path):
    loaded(a_model(), tmp_path)

    modules = loaded_by(
        f"import sys, recurra; recurra.load({str(tmp_path / 'model.recurra')!r}, torch=True); "
        f"print(*sys.modules)"
    )

    assert {"torch", "recurra.layers"} <= modules


def test_making_layers_of_a_file_does_not_load_what_torch_needs_to_compile(tmp_path):
    """Drawing normal numbers on the meta device took three seconds for these imports."""
    layer = Recurrent(cells.Elman(3, 4, nonlinearity="relu", identity_start=True))
    loaded(Stack(layer, nn.Linear(4, 4)), tmp_path)

    modules = loaded_by(
        f"import sys, recurra; recurra.load({str(tmp_path / 'model.recurra')!r}, torch=True); "
        f"print(*sys.modules)"
    )

    assert "torch" in modules
    assert not {"sympy", "torch._inductor"} & modules
