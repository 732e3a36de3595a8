"""Tensors as the native engine takes them: addresses and strides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from json import loads
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.engine.native import Call, Compiled, Gradients, Strided
from recurra.program import Program, from_json

__all__ = ["Run", "compiled", "gradients_of_run", "outputs_of", "run_forward", "type_named"]


class Run(NamedTuple):
    """What a program runs over, in its own order."""

    inputs: Sequence[Tensor]  # x and draws (batch, time, ...), states (batch, ...), weights
    starts: Sequence[Tensor]  # H_0 for resets, (batch, ...) each; none without resets
    lengths: Tensor | None  # (batch,), int64
    reset: Tensor | None  # (batch, time), bool
    backwards: bool = False


@lru_cache(maxsize=1024)
def program_of(text: str) -> Program:
    """The program that a text of JSON says."""
    return from_json(loads(text))


@lru_cache(maxsize=1024)
def compiled(text: str, dtype: str) -> Compiled:
    """The program that a text of JSON says, ready to run."""
    return Compiled(program_of(text), dtype)


def type_named(name: str) -> torch.dtype:
    """A torch type by its name.

    >>> type_named("float64")
    torch.float64
    """
    found: torch.dtype = getattr(torch, name)
    return found


def outputs_of(program: Program, dtype: str, run: Run) -> list[Tensor]:
    """Empty answers (batch, time, ...) and final states (batch, ...), in the program's order."""
    x = next(t for t, given in zip(run.inputs, program.inputs, strict=True) if given.role == "x")
    batch, time = x.shape[:2]
    types = program.types()
    shapes = [(batch, time, *types[o.value].shape) for o in program.outputs if o.role == "y"]
    shapes += [(batch, *given.type.shape) for given in program.inputs if given.role == "state"]
    return [x.new_empty(shape, dtype=type_named(dtype)) for shape in shapes]


def run_forward(ready: Compiled, run: Run, keep: bool) -> list[Tensor]:
    """Answers and final states, and last the bytes kept for the gradients."""
    made = outputs_of(ready.program, ready.dtype, run)
    place = _Placed(ready, run)
    answers, finals = made[: len(ready.ys)], made[len(ready.ys) :]
    size = ready.residual_bytes(place.batch, place.time) if keep else 0
    residuals = torch.empty(size, dtype=torch.uint8)
    if place.batch == 0 or place.time == 0:
        for final, state in zip(finals, place.states, strict=True):
            final.copy_(state)
        return [*made, residuals]
    call = place.call(
        ys=[place.strided(y) for y in answers],
        finals=[final.data_ptr() for final in finals],
        residuals=residuals.data_ptr() if size else 0,
    )
    ready.forward(call)
    return [*made, residuals]


def gradients_of_run(
    ready: Compiled,
    run: Run,
    residuals: Tensor,
    grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The gradients of inputs and starts, where wanted, from those of answers and finals."""
    place = _Placed(ready, run)
    everything = [*run.inputs, *run.starts]
    made = [
        torch.empty(t.shape, dtype=t.dtype) if want else None
        for t, want in zip(everything, wanted, strict=True)
    ]
    if place.batch == 0 or place.time == 0:
        return _without_steps(ready, grads, made)
    roles = [given.role for given in ready.program.inputs]

    def out(role: str) -> list[Tensor | None]:
        return [each for each, its in zip(made, roles, strict=False) if its == role]

    count = len(ready.ys)
    y_grads = [None if each is None else place.strided(place.kept(each)) for each in grads[:count]]
    ends = [None if each is None else place.contiguous(each) for each in grads[count:]]
    call = place.call(
        ys=[(0, 0, 0)] * count, finals=[0] * len(ready.states), residuals=residuals.data_ptr()
    )
    gradients = Gradients(
        y_grads=y_grads,
        final_grads=[_address(each) for each in ends],
        x_grads=[None if each is None else place.strided(each) for each in out("x")],
        weight_grads=[_address(each) for each in out("weight")],
        state_grads=[_address(each) for each in out("state")],
        start_grads=[_address(each) for each in made[len(roles) :]],
    )
    ready.backward(call, gradients)
    return made


def _without_steps(
    ready: Compiled, grads: Sequence[Tensor | None], made: list[Tensor | None]
) -> list[Tensor | None]:
    """No step: the final states are the first ones, and nothing else has a part in them."""
    ends = iter(grads[len(ready.ys) :])
    for place, given in enumerate(made):
        end = next(ends) if place < len(ready.program.inputs) and _is_state(ready, place) else None
        if given is not None:
            given.zero_() if end is None else given.copy_(end)
    return made


def _is_state(ready: Compiled, place: int) -> bool:
    return ready.program.inputs[place].role == "state"


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


class _Placed:
    """A run's tensors where the engine can read them; it keeps alive what had to be copied."""

    def __init__(self, ready: Compiled, run: Run) -> None:
        self.run = run
        roles = [given.role for given in ready.program.inputs]
        self.alive: list[Tensor] = []

        def having(role: str) -> list[Tensor]:
            return [t for t, its in zip(run.inputs, roles, strict=True) if its == role]

        self.xs, self.draws = having("x"), having("draw")
        self.states, self.weights = having("state"), having("weight")
        self.batch, self.time = self.xs[0].shape[:2]

    def call(self, ys: Sequence[Strided], finals: Sequence[int], residuals: int) -> Call:
        """The call, with the run's inputs."""
        run = self.run
        return Call(
            batch=self.batch,
            time=self.time,
            xs=[self.strided(self.kept(x)) for x in self.xs],
            draws=[self.strided(self.kept(draw)) for draw in self.draws],
            states=[self.contiguous(state).data_ptr() for state in self.states],
            weights=[self.contiguous(weight).data_ptr() for weight in self.weights],
            ys=ys,
            finals=finals,
            starts=[self.contiguous(s).data_ptr() for s in run.starts] if run.starts else None,
            lengths=0 if run.lengths is None else self.contiguous(run.lengths).data_ptr(),
            reset=0 if run.reset is None else self.contiguous(run.reset).data_ptr(),
            residuals=residuals,
            backwards=run.backwards,
        )

    def contiguous(self, tensor: Tensor) -> Tensor:
        """Itself, or a copy that lives as long as this."""
        if not tensor.is_contiguous():
            tensor = tensor.contiguous()
            self.alive.append(tensor)
        return tensor

    def kept(self, tensor: Tensor) -> Tensor:
        """Itself where each row and time has its elements side by side, else a copy."""
        shape, stride = tensor.shape[2:], tensor.stride()[2:]
        wanted = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        if any(n > 1 and s != w for n, s, w in zip(shape, stride, wanted, strict=True)):
            tensor = tensor.contiguous()
            self.alive.append(tensor)
        return tensor

    def strided(self, tensor: Tensor) -> Strided:
        """(batch, time, ...) as the engine takes it; one time for all has stride 0."""
        row, step = tensor.stride()[:2]
        return tensor.data_ptr(), row, 0 if tensor.shape[1] == 1 else step
