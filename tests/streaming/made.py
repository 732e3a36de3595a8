"""Models and files to try the streaming half on."""

import torch
from torch import nn

from recurra import Cell, Recurrent, Stack, cells
from recurra.streaming import load, save
from tests.contracts import homemade

OWN = tuple(
    cell
    for cell in vars(homemade).values()
    if isinstance(cell, type) and issubclass(cell, Cell) and cell.__module__ == homemade.__name__
)


def a_model(*, seed: int = 0, sizes: tuple[int, int, int] = (3, 4, 2)) -> Stack:
    """A small LSTM under a linear layer, weights all distinct."""
    torch.manual_seed(seed)
    features, hidden, answers = sizes
    return Stack(Recurrent(cells.LSTM(features, hidden)), nn.Linear(hidden, answers)).eval()


def loaded(model, folder, **options):
    """The model after a trip through a file."""
    save(model, folder / "model.recurra", notes=options.pop("notes", None))
    return load(folder / "model.recurra", cells=OWN, **options)
