"""Arrays of every library come in through dlpack, and what comes out goes to any of them."""

import numpy as np
import pytest
import torch

from recurra import Recurrent, Stack, cells
from recurra.errors import DataError, StateError
from tests.streaming.made import a_model, loaded


class Exported:
    """An array that offers dlpack and nothing else."""

    def __init__(self, array, device=1):
        self.array, self.device = array, device

    def __dlpack_device__(self):
        return self.device, 0

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


every_library = pytest.mark.parametrize("library", [torch.from_numpy, Exported])


@pytest.fixture
def model(tmp_path):
    return loaded(a_model(), tmp_path)


X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)


def bits(y, state):
    return [y.tobytes(), *(slot.tobytes() for slot in state.values())]


@every_library
def test_a_run_takes_all_its_arguments_so(model, library):
    _, state = model.run(X)
    lengths, reset = np.array([6, 2]), np.zeros((2, 6), bool)
    reset[0, 3] = True
    wanted = model.run(X, state, lengths, reset)

    theirs = {name: library(slot) for name, slot in state.items()}
    got = model.run(library(X), theirs, library(lengths), library(reset))

    assert bits(*got) == bits(*wanted)


@every_library
def test_a_sequence_without_a_batch_axis_and_a_step_do(model, library):
    reset = np.array([False, True, False, False, False, False])

    assert bits(*model.run(library(X[0]), reset=library(reset))) == bits(
        *model.run(X[0], reset=reset)
    )
    assert bits(*model.step(None, library(X[:, 0]))) == bits(*model.step(None, X[:, 0]))


@every_library
def test_a_stream_does(model, library):
    one, other = model.stream(), model.stream()
    other.state = {name: library(slot) for name, slot in one.state.items()}

    assert other.peek(library(X[0, 0])).tobytes() == one.peek(X[0, 0]).tobytes()
    assert other.step(library(X[0, 0])).tobytes() == one.step(X[0, 0]).tobytes()
    assert other.steps(library(X[1])).tobytes() == one.steps(X[1]).tobytes()


@every_library
def test_indices_do(tmp_path, library):
    layer = Stack(torch.nn.Embedding(7, 3), Recurrent(cells.GRU(3, 4)))
    model, x = loaded(layer, tmp_path), np.array([[1, 2, 6]])

    assert bits(*model.run(library(x))) == bits(*model.run(x))
    assert model.stream().step(library(x[0, 0, ...])).tobytes() == model.run(x)[0][0, 0].tobytes()


def test_answers_and_states_go_to_torch_without_a_copy(model):
    y, state = model.run(X)

    for array in (y, *state.values(), model.stream().step(X[0, 0])):
        tensor = torch.from_dlpack(array)
        assert tensor.data_ptr() == array.ctypes.data
        np.testing.assert_array_equal(tensor.numpy(), array)


def test_memory_that_is_for_reading_only_or_in_pieces_is_taken(model):
    wanted = bits(*model.run(X))
    for_reading = X.copy()
    for_reading.flags.writeable = False
    in_pieces = torch.from_numpy(X.transpose(2, 0, 1).copy()).permute(1, 2, 0)

    assert bits(*model.run(for_reading)) == bits(*model.run(in_pieces)) == wanted
    assert model.stream().steps(for_reading[0]).tobytes() == model.run(X)[0][0].tobytes()


@pytest.mark.parametrize(("device", "word"), [(2, "CUDA:0"), (99, "99:0")])
def test_an_array_on_another_device_is_refused(model, device, word):
    far = Exported(X, device)
    state = {name: Exported(slot, device) for name, slot in model.initial_state(2).items()}

    with pytest.raises(DataError) as caught:
        model.run(far)
    assert str(caught.value) == (
        f"{model._engine.signature}: x is on device {word}, expected it in the CPU's memory. "
        f"Copy it there first."
    )
    for call in (
        lambda: model.step(None, Exported(X[:, 0], device)),
        lambda: model.stream().step(Exported(X[0, 0], device)),
        lambda: model.run(X, lengths=Exported(np.array([1, 1]), device)),
        lambda: model.run(X, reset=Exported(np.zeros((2, 6), bool), device)),
        lambda: model.run(X, state),
    ):
        with pytest.raises(DataError, match=f"on device {word}"):
            call()


@pytest.mark.parametrize("x", [torch.ones(3, requires_grad=True), torch.ones(3).bfloat16()])
def test_an_array_that_its_library_does_not_hand_out_is_refused(model, x):
    stream = model.stream()
    with pytest.raises(DataError, match="x cannot be read: "):
        stream.step(x)

    assert not stream.state["0.h"].any()


def test_a_wrong_shape_is_still_the_message_it_was(model):
    with pytest.raises(StateError, match=r"state has 0\.h of shape \(1, 4\), expected \(2, 4\)"):
        model.run(X, {name: torch.zeros(1, 4) for name in model.slots})
