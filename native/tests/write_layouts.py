"""Writes the layouts of plans as text, for test_plan.cpp: python write_layouts.py FOLDER."""

import sys
from pathlib import Path

from torch import nn

import recurra as rc
from recurra.compiler.adjoint import backward_program, training
from recurra.compiler.plan import lay_out
from recurra.compiler.prepare import prepare
from recurra.engine import _native
from recurra.program import Program

TABLES = ("buffers", "instructions", "stages", "segments", "matrices")

LAYERS = {
    "elman": rc.Recurrent(rc.cells.Elman(3, 17)),
    "lstm": rc.Recurrent(rc.cells.LSTM(7, 45)),
    "norms": rc.Stack(nn.LayerNorm(5), rc.Recurrent(rc.cells.GRU(5, 33)), nn.LayerNorm(33)),
    "stack": rc.Stack(rc.Recurrent(rc.cells.GRU(5, 33)), rc.Recurrent(rc.cells.LSTM(33, 16))),
}


def text_of(program: Program, descending: bool) -> str:
    layout = lay_out(program, _native.op_numbers(), "float32")
    tables = [getattr(layout, name).ravel() for name in TABLES]
    lines = [[int(descending)], *([len(table), *table] for table in tables)]
    lines.append([len(layout.constants), *map(repr, map(float, layout.constants))])
    return "".join(" ".join(map(str, line)) + "\n" for line in lines)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, layer in LAYERS.items():
        step = prepare(rc.compiler.trace(layer).program)
        forward, kept = training(step)
        backward = backward_program(step, kept, frozenset({"x"})).program
        (folder / f"{name}.txt").write_text(text_of(step, descending=False))
        (folder / f"{name}-training.txt").write_text(text_of(forward, descending=False))
        (folder / f"{name}-backward.txt").write_text(text_of(backward, descending=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
