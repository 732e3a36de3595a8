"""A training step in torch, the same for every layer: forward, then all gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.peers.job import Answer, Job

__all__ = ["forward_job", "training_job"]

Forward = Callable[[Tensor], Tensor]


def forward_job(case: Case, forward: Forward, *, time_major: bool, note: str = "") -> Job:
    """Times `forward` alone.

    Args:
        case: what its input is drawn from.
        forward: x to y, both (time, batch, size) where `time_major`.
        time_major: lay the input out so; that takes place before the clock starts.
        note: for the record.
    """
    x = _laid_out(draw_inputs(case).x, time_major)

    @torch.no_grad()
    def run() -> Tensor:
        return forward(x)

    def answer() -> Answer:
        y = run()
        return {"y": (y.transpose(0, 1) if time_major else y).numpy()}

    return Job(run, answer, note=note)


def training_job(
    case: Case,
    forward: Forward,
    parameters: Mapping[str, Tensor],
    *,
    time_major: bool,
    note: str = "",
) -> Job:
    """Times `forward` and the gradients of x and of every parameter."""
    inputs = draw_inputs(case)
    x = _laid_out(inputs.x, time_major).requires_grad_()
    y_grad = _laid_out(inputs.y_grad, time_major)
    wanted = [x, *parameters.values()]

    def first_half() -> Tensor:
        return forward(x)

    def second_half(y: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(y, wanted, y_grad)

    def answer() -> Answer:
        y = first_half()
        dx, *rest = second_half(y)
        named = {f"d{letter}": grad.numpy() for letter, grad in zip(parameters, rest, strict=True)}
        y, dx = (v.detach().transpose(0, 1) if time_major else v.detach() for v in (y, dx))
        return {"y": y.numpy(), "dx": dx.numpy(), **named}

    return Job(
        lambda: second_half(first_half()), answer, note=note, halves=(first_half, second_half)
    )


def _laid_out(values: object, time_major: bool) -> Tensor:
    tensor = torch.as_tensor(values)
    return tensor.transpose(0, 1).contiguous() if time_major else tensor
