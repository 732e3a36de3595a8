"""What comes back only with its class in hand, and what no file can hold."""

import numpy as np
import pytest
import torch
from torch import nn

from recurra import Cell, Recurrent, Residual, Stack, cells
from recurra.errors import ModelFileError
from recurra.streaming import load, save
from tests.contracts import homemade
from tests.contracts.homemade import Leaky
from tests.streaming.made import a_model

# --- cells of one's own ---------------------------------------------------------------------------


def test_a_cell_of_ones_own_runs_without_its_code(tmp_path):
    save(Recurrent(Leaky(3, 4)), tmp_path / "m")

    model = load(tmp_path / "m")

    assert (model.engine, model.input_size, list(model.slots)) == ("native", 3, ["state"])
    assert "A leaky integrator" not in model.describe()  # that line is no equation
    assert "own.Leaky(input_size=3, size=4)" in model.describe()


class Decides(Leaky):
    """A cell that looks at its numbers, so that no program is all it does."""

    def update(self, state, x):
        return super().update(state, x) if x.sum() > 0 else state


@pytest.mark.parametrize(("cell", "torch"), [(Leaky, True), (Decides, True), (Decides, False)])
def test_where_the_code_of_a_cell_is_needed_it_has_to_be_handed_in(cell, torch, tmp_path):
    save(Recurrent(cell(3, 4)), tmp_path / "m")

    with pytest.raises(ModelFileError) as caught:
        load(tmp_path / "m", torch=torch)

    assert str(caught.value) == (
        f"{tmp_path / 'm'}: holds a cell of its author's own, {cell.__name__}, whose code is not "
        f"in the file. Import the class and hand it in: load(path, cells=({cell.__name__},))."
    )
    assert load(tmp_path / "m", cells=(cell,), torch=torch).input_size == 3


def test_a_model_that_cannot_be_traced_runs_on_torch_and_says_why(tmp_path):
    layer = Recurrent(Decides(3, 4)).use_engine("torch")
    save(layer, tmp_path / "m")

    model = load(tmp_path / "m", cells=(Decides,))

    assert model.engine == "torch"
    assert "decides by the numbers" in model.untraced
    assert f"engine       torch: {model.untraced}" in model.describe()
    x = torch.randn(1, 5, 3)
    np.testing.assert_array_equal(model.run(x.numpy())[0], layer(x)[0].detach().numpy())


class LooksIntoItself(Leaky):
    """A cell whose constructor reads the values of its own tensors."""

    def __init__(self, input_size, size):
        super().__init__(input_size, size)
        self.total = float(self.leak.detach().sum())
        self.table = self.leak.detach().numpy().copy()


def test_a_cell_may_read_its_own_tensors_while_it_is_made(tmp_path):
    save(Recurrent(LooksIntoItself(3, 4)), tmp_path / "m")

    assert load(tmp_path / "m", torch=True, cells=(LooksIntoItself,)).input_size == 3


class Forgetful(Leaky):
    """A cell that does not say how it was made."""

    def config(self):
        return {}


class Liar(Leaky):
    """A cell that says it was made otherwise."""

    def __init__(self, input_size, size):
        super().__init__(input_size, size + 1)


@pytest.mark.parametrize("cell", [Forgetful, Liar])
def test_a_cell_that_could_not_come_back_is_not_saved(cell, tmp_path):
    with pytest.raises(ValueError, match=rf"would not come back.*own\.{cell.__name__}"):
        save(Recurrent(cell(3, 4)), tmp_path / "m")

    assert not list(tmp_path.iterdir())


def test_two_own_cells_of_one_name_are_refused(tmp_path):
    class Leaky(Cell):
        pass

    save(Recurrent(homemade.Leaky(3, 4)), tmp_path / "m")
    with pytest.raises(ValueError, match="two of the cells are called Leaky"):
        load(tmp_path / "m", torch=True, cells=(Leaky, homemade.Leaky))


def test_cells_are_given_as_classes(tmp_path):
    save(Recurrent(Leaky(3, 4)), tmp_path / "m")
    with pytest.raises(TypeError, match=r"expected classes, as in cells=\(MyCell,\)"):
        load(tmp_path / "m", torch=True, cells=(Leaky(3, 4),))


# --- what no file can hold ------------------------------------------------------------------------


def hooked():
    model = a_model()
    model.parts[1].register_forward_hook(lambda *_: None)
    return model


def tied():
    layer = Recurrent(cells.Elman(3, 3))
    return Stack(layer, nn.Tanh(), layer)


def half_double():
    model = a_model()
    model.parts[1].double()
    return model


class Mine(nn.Module):
    def forward(self, x):
        return x


def turned():
    model = Stack(nn.Softmax(dim=-1))
    model.parts[0].dim = 1
    return model


REFUSED = {
    "cell": (lambda: cells.GRU(3, 4), TypeError, r"Wrap it: recurra\.Recurrent\(GRU\(\.\.\.\)\)"),
    "module": (lambda: nn.Linear(3, 4), TypeError, r"a Linear.*recurra\.Stack"),
    "other module": (lambda: Residual(Mine()), TypeError, "test_saving.Mine, which a model"),
    "subclass": (
        lambda: Stack(type("Twice", (nn.Linear,), {})(3, 4)), TypeError, "Twice, which a model",
    ),
    "hooks": (hooked, TypeError, r"model\.parts\.1 \(torch\.nn\.Linear\) has hooks"),
    "shared": (tied, ValueError, "0.cell.input.weight and parts.2.cell.input.weight are one"),
    "two types": (half_double, ValueError, r"float32 and float64.*model\.to"),
    "complex": (lambda: a_model().to(torch.complex64), TypeError, "is torch.complex64, which"),
    "axis": (turned, TypeError, r"save: torch.nn.Softmax\(dim=1\).*Use dim=-1"),
    "max_norm": (
        lambda: Stack(nn.Embedding(3, 2, max_norm=1.0)), TypeError, "changes its weights",
    ),
    "misfit": (
        lambda: Stack(Recurrent(cells.GRU(3, 4)), nn.Linear(5, 1)), ValueError, "do not fit",
    ),
    "infinite": (
        lambda: Recurrent(cells.LSTM(3, 4, forget_bias=float("inf"))), ValueError, "finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_what_no_file_can_hold_is_refused_and_nothing_is_written(case, tmp_path):
    make, error, words = REFUSED[case]

    with pytest.raises(error, match=words) as caught:
        save(make(), tmp_path / "m")

    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("notes", "error", "words"),
    [
        ({"means": np.zeros(2)}, TypeError, r"notes\['means'\] is a ndarray.*tolist"),
        ({"a": [{1: 2}]}, TypeError, r"notes\['a'\]\[0\] has the key 1, expected text"),
        ({"a": float("nan")}, ValueError, r"notes\['a'\] is nan"),
        (["a"], TypeError, "notes is a list"),
    ],
)
def test_notes_that_are_not_json_are_refused(notes, error, words, tmp_path):
    with pytest.raises(error, match=words):
        save(a_model(), tmp_path / "m", notes=notes)

    assert not list(tmp_path.iterdir())
