"""Layers as programs with something to run on, and what runs them."""

import json
from typing import NamedTuple

import torch

from recurra.cells.state import named_slots
from recurra.compiler import trace
from recurra.engine.memory import Run
from recurra.engine.sequence import run_sequence
from recurra.program import Program, to_json

LENGTHS = torch.tensor([5, 0, 3])
RESET = torch.tensor(
    [[False, True, False, False, True], [True] * 5, [False, False, True, True, False]]
)


class Case(NamedTuple):
    """A program, and a run of 3 rows and 5 times."""

    program: Program
    run: Run

    def with_tensors(self, tensors):
        count = len(self.run.inputs)
        return self._replace(run=self.run._replace(inputs=tensors[:count], starts=tensors[count:]))

    @property
    def tensors(self):
        return [*self.run.inputs, *self.run.starts]


def case_of(layer, *, lengths=None, reset=None, backwards=False, dtype=torch.float64):
    """A layer's program on random input; every tensor is a leaf that takes gradients."""
    program, weights, draws = trace(layer)
    assert not draws
    slots = list(named_slots(layer.initial_state(3)).values())
    given = [
        torch.randn(3, 5, layer.input_size, dtype=dtype),
        *(torch.randn_like(slot) for slot in slots),
        *(weight.detach().clone() for weight in weights.values()),
    ]
    starts = [] if reset is None else [torch.randn_like(slot) for slot in slots]
    for tensor in (*given, *starts):
        tensor.requires_grad_()
    return Case(program, Run(given, starts, lengths, reset, backwards))


def text_of(program):
    return json.dumps(to_json(program))


def natively(case):
    """Answers and final states."""
    dtype = str(case.run.inputs[0].dtype).removeprefix("torch.")
    return list(run_sequence(text_of(case.program), dtype, case.run))


def gradients(outputs, inputs, **options):
    """Of one random but fixed function of all outputs."""
    make = torch.Generator().manual_seed(1)
    total = sum(
        (each * torch.randn(each.shape, generator=make, dtype=each.dtype)).sum() for each in outputs
    )
    return torch.autograd.grad(total, inputs, materialize_grads=True, **options)
