"""What a layer says about itself is true and enough to make it again."""

import inspect
import json

import pytest
from torch import nn

from recurra import cells, layers
from recurra.cells.base import Described
from tests.contracts.drawn import assert_same_bits, layer_of, x_of
from tests.contracts.rows import ROWS, every_layer

BASE_CELLS = [
    cell
    for cell in vars(cells).values()
    if inspect.isclass(cell)
    and issubclass(cell, cells.Cell)
    and cell is not cells.Cell
    and not issubclass(cell, cells.CellWrapper)
]


def again(module):
    """A module built once more from its config; one of torch's is taken as it is."""
    if not isinstance(module, Described):
        return module
    config = {name: _again_inside(value) for name, value in module.config().items()}
    return type(module)(*config.pop("parts", []), **config)


def _again_inside(value):
    if isinstance(value, list):
        return [_again_inside(part) for part in value]
    return again(value) if isinstance(value, nn.Module) else value


def plain(config):
    """The part of a config that is JSON, and of what make the modules in it are."""
    return json.loads(json.dumps(config, default=lambda module: [type(module).__name__]))


@every_layer
def test_config_and_state_dict_make_the_same_layer_again(row):
    layer = layer_of(row)

    twin = again(layer).double().eval()
    for got, wanted in zip(twin.modules(), layer.modules(), strict=True):
        assert type(got) is type(wanted)
        if isinstance(wanted, Described):
            assert plain(got.config()) == plain(wanted.config())

    twin.load_state_dict(layer.state_dict())
    assert_same_bits(twin(x_of(row, 2, 4))[0], layer(x_of(row, 2, 4))[0])


@every_layer
def test_repr_shows_every_size(row):
    layer = layer_of(row)
    shown = repr(layer)

    for module in layer.modules():
        assert f"{type(module).__name__}(" in shown
        if isinstance(module, Described):
            for name, value in module.config().items():
                if isinstance(value, (int, float, str, dict)):
                    assert f"{name}={value!r}" in shown


@pytest.mark.parametrize("row", [row for row in ROWS if row.is_cell], ids=lambda row: row.name)
def test_gates_are_between_0_and_1(row):
    layer = layer_of(row)
    x = x_of(row, 5, 1)[:, 0]

    for gate in layer.cell.gates(layer.initial_state(5), x).values():
        assert gate.shape[0] == 5
        assert ((gate > 0) & (gate < 1)).all()


@pytest.mark.parametrize("cell", BASE_CELLS, ids=lambda cell: cell.__name__)
def test_a_cells_docstring_states_its_triple_and_an_example(cell):
    for words in ("State H", "Update f", "Output g", "Args:", ">>> "):
        assert words in cell.__doc__


def test_every_cell_and_layer_has_a_row():
    seen = {type(module) for row in ROWS for module in row.make().modules()}
    public = [getattr(home, name) for home in (cells, layers) for name in home.__all__]
    bases = {cells.Cell, cells.CellWrapper, layers.Layer}

    modules = {it for it in public if issubclass(it, nn.Module)} - bases

    assert modules <= seen
