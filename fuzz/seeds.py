"""Writes what fuzzers start from: traced layers, their gradients, ops the layers lack, files."""

import json
import sys
from pathlib import Path

import torch
from torch import nn

import recurra as rc
from fuzz.files import files_of
from recurra.compiler import differentiate, trace
from recurra.program import Builder, Program, to_json


class NormalizedElman(rc.Cell):
    """h <- tanh(norm(W [x, h])): means, square roots, concatenation."""

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_size, self.units = input_size, units
        self.mixed = nn.Linear(input_size + units, units)
        self.norm = nn.LayerNorm(units)

    def config(self):
        return {"input_size": self.input_size, "units": self.units}

    def initial_state(self, batch):
        return self.zeros(batch, self.units)

    def update(self, h, x):
        both = self.mixed(torch.cat([x, h], dim=-1))
        return self.norm(both).tanh()

    def output(self, h, x):
        return h.softmax(dim=-1)


def layers() -> dict[str, rc.layers.Layer]:
    cells = rc.cells
    torch.manual_seed(0)  # the same files in every run
    return {
        "elman": rc.Recurrent(cells.Elman(2, 3)),
        "lstm": rc.Recurrent(cells.LSTM(3, 5)),
        "gru": rc.Recurrent(cells.GRU(3, 2)),
        "normalized": rc.Recurrent(NormalizedElman(2, 5)),
        "stack": rc.Stack(
            rc.Recurrent(cells.GRU(2, 3)), nn.Linear(3, 17), nn.GELU(), rc.Recurrent(cells.Mean(17))
        ),
        "indices": rc.Stack(nn.Embedding(5, 2), rc.Recurrent(cells.LSTM(2, 3))),
    }


def matrix_memory(size: int) -> Program:
    """A delta rule: the state is a matrix, and an index picks what is written."""
    b = Builder()
    x, index = b.input("x", "x", (size,)), b.input("index", "x", (), kind="index")
    memory = b.input("memory", "state", (size, size))
    key = b.op("one_hot", index, size=size)
    found = b.op("matvec", memory, key, transposed=False)
    new = b.op("add", memory, b.op("outer", b.op("sub", x, found), key))
    b.output("y", "y", b.op("matvec", new, x, transposed=True))
    b.output("memory", "state", new)
    return b.program()


def programs() -> dict[str, Program]:
    steps = {name: trace(layer).program for name, layer in layers().items()}
    steps["memory"] = matrix_memory(3)
    gradients = {f"{name}-gradient": differentiate(step) for name, step in steps.items()}
    return steps | gradients


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in programs().items():
        (folder / f"{name}.json").write_text(json.dumps(to_json(program)))
    files = folder.with_name(folder.name + "-of-files")
    files.mkdir(exist_ok=True)
    for name, layer in layers().items():
        for kind, data in files_of(layer).items():
            (files / f"{name}.{kind}").write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
