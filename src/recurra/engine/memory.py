"""Tensors as the native engine takes them: addresses and strides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from json import loads
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.engine.blocks import block_of, empty_tensor
from recurra.engine.native import Call, Compiled, Gradients, Strided
from recurra.program import Program, from_json

__all__ = ["Run", "Runner", "program_of", "runner_of"]

Gradient = Tensor | None


class Run(NamedTuple):
    """What a program runs over, in its own order."""

    inputs: Sequence[Tensor]  # x and draws (batch, time, ...), states (batch, ...), weights
    starts: Sequence[Tensor]  # H_0 for resets, (batch, ...) each; none without resets
    lengths: Tensor | None  # (batch,), int64
    reset: Tensor | None  # (batch, time), bool
    backwards: bool = False  # from each row's last real step to its first
    time_first: bool = False  # whether the answers lie in memory as (time, batch, ...)


@lru_cache(maxsize=1024)
def program_of(text: str) -> Program:
    """The program that a text of JSON says."""
    return from_json(loads(text))


@lru_cache(maxsize=1024)
def runner_of(text: str, dtype: str) -> Runner:
    """The program that a text of JSON says, ready to run on tensors."""
    return Runner(program_of(text), dtype)


class Runner:
    """A program that runs on torch's tensors; draws may have one time for all.

    Args:
        program: a valid program of a step.
        dtype: "float32" or "float64".

    Raises:
        PlanError: the engine cannot run it.
    """

    def __init__(self, program: Program, dtype: str) -> None:
        self.compiled = Compiled(program, dtype)
        self.dtype: torch.dtype = getattr(torch, dtype)
        roles = [given.role for given in program.inputs]
        self.count = len(roles)
        self.xs, self.draws, self.states, self.weights = (
            [place for place, its in enumerate(roles) if its == role]
            for role in ("x", "draw", "state", "weight")
        )
        types = program.types()
        self.y_shapes = [types[y.value].shape for y in self.compiled.ys]
        self.state_shapes = [program.inputs[place].type.shape for place in self.states]

    def outputs(self, run: Run, empty: Callable[..., Tensor]) -> list[Tensor]:
        """Empty answers (batch, time, ...) and final states (batch, ...), in order.

        `empty` makes a tensor of a shape and a `dtype`.
        """
        batch, time = run.inputs[self.xs[0]].shape[:2]
        if run.time_first:
            shapes = [(time, batch, *shape) for shape in self.y_shapes]
            ys = [empty(shape, dtype=self.dtype).transpose(0, 1) for shape in shapes]
        else:
            shapes = [(batch, time, *shape) for shape in self.y_shapes]
            ys = [empty(shape, dtype=self.dtype) for shape in shapes]
        return [*ys, *[empty((batch, *shape), dtype=self.dtype) for shape in self.state_shapes]]

    def forward(self, run: Run, keep: bool) -> tuple[list[Tensor], Tensor | None]:
        """Answers and final states, and the bytes kept for the gradients where they are to be."""
        place = _Placed(self, run)
        made = self.outputs(run, empty_tensor)
        answers, finals = made[: len(self.y_shapes)], made[len(self.y_shapes) :]
        residuals = None
        if keep:
            residuals = block_of(self.compiled.residual_bytes(place.batch, place.time))
        if place.batch == 0 or place.time == 0:
            for final, state in zip(finals, self.states, strict=True):
                final.copy_(run.inputs[state])
            return made, residuals
        self.compiled.forward(
            place.call(
                ys=[_strided(y) for y in answers],
                finals=[final.data_ptr() for final in finals],
                residuals=0 if residuals is None else residuals.data_ptr(),
            )
        )
        return made, residuals

    def backward(
        self, run: Run, residuals: Tensor, grads: Sequence[Gradient], wanted: Sequence[bool]
    ) -> list[Gradient]:
        """The gradients of inputs and starts, where wanted, from those of answers and finals."""
        made = [
            empty_tensor(t.shape, t.dtype) if want else None
            for t, want in zip((*run.inputs, *run.starts), wanted, strict=True)
        ]
        place = _Placed(self, run)
        if place.batch == 0 or place.time == 0:
            return self._without_steps(grads, made)
        count = len(self.y_shapes)
        y_grads = [
            None if each is None else _strided(place.elements(each)) for each in grads[:count]
        ]
        call = place.call(
            ys=[(0, 0, 0)] * count,
            finals=[0] * len(self.states),
            residuals=residuals.data_ptr(),
        )
        gradients = Gradients(
            y_grads=y_grads,
            final_grads=[0 if g is None else place.address(g) for g in grads[count:]],
            x_grads=[None if (g := made[k]) is None else _strided(g) for k in self.xs],
            weight_grads=[_address(made[k]) for k in self.weights],
            state_grads=[_address(made[k]) for k in self.states],
            start_grads=[_address(each) for each in made[self.count :]],
        )
        self.compiled.backward(call, gradients)
        return made

    def _without_steps(self, grads: Sequence[Gradient], made: list[Gradient]) -> list[Gradient]:
        """No step: the final states are the first ones, and nothing else has a part in them."""
        ends = dict(zip(self.states, grads[len(self.y_shapes) :], strict=True))
        for place, given in enumerate(made):
            if given is not None:
                end = ends.get(place)
                given.zero_() if end is None else given.copy_(end)
        return made


class _Placed:
    """A run's tensors where the engine can read them; it keeps alive what had to be copied."""

    def __init__(self, runner: Runner, run: Run) -> None:
        self.runner = runner
        self.run = run
        self.alive: list[Tensor] = []
        self.batch, self.time = run.inputs[runner.xs[0]].shape[:2]

    def call(self, ys: Sequence[Strided], finals: Sequence[int], residuals: int) -> Call:
        """The call, with the run's inputs."""
        runner, (inputs, starts, lengths, reset, backwards, _) = self.runner, self.run
        return Call(
            batch=self.batch,
            time=self.time,
            xs=[_strided(self.elements(inputs[k])) for k in runner.xs],
            draws=[_strided(self.elements(inputs[k])) for k in runner.draws],
            states=[self.address(inputs[k]) for k in runner.states],
            weights=[self.address(inputs[k]) for k in runner.weights],
            ys=ys,
            finals=finals,
            starts=[self.address(start) for start in starts] if starts else None,
            lengths=0 if lengths is None else self.address(lengths),
            reset=0 if reset is None else self.address(reset),
            residuals=residuals,
            backwards=backwards,
        )

    def address(self, tensor: Tensor) -> int:
        """Of the tensor itself where it is contiguous, else of a copy."""
        if not tensor.is_contiguous():
            tensor = tensor.contiguous()
            self.alive.append(tensor)
        return tensor.data_ptr()

    def elements(self, tensor: Tensor) -> Tensor:
        """Itself where each row and time has its elements side by side, else a copy."""
        if tensor.is_contiguous():
            return tensor
        shape, stride = tensor.shape[2:], tensor.stride()[2:]
        wanted = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        if any(n > 1 and s != w for n, s, w in zip(shape, stride, wanted, strict=True)):
            tensor = tensor.contiguous()
            self.alive.append(tensor)
        return tensor


def _strided(tensor: Tensor) -> Strided:
    """(batch, time, ...) as the engine takes it; one time for all has stride 0."""
    row, step = tensor.stride()[:2]
    return tensor.data_ptr(), row, 0 if tensor.shape[1] == 1 else step


def _address(tensor: Gradient) -> int:
    return 0 if tensor is None else tensor.data_ptr()
