"""Models and files to try the streaming half on."""

import hashlib
import json

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


def parts_of(data: bytes) -> tuple[dict, dict, bytes]:
    """A file's header as safetensors has it, our JSON in it, and what follows the header."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["recurra"]), data[8 + length :]


def forged(header: dict, ours: object, rest: bytes) -> bytes:
    """A file with any contents and a checksum that is right, as an attacker would make it."""
    ours = ours if isinstance(ours, str) else json.dumps(ours)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    metadata = {"sha256": "0" * 64, "recurra": ours}
    text = json.dumps({"__metadata__": metadata, **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = len(text).to_bytes(8, "little") + text + rest
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)
