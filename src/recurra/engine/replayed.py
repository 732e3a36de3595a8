"""Gradients of a program by replaying it in torch: of second order, and many at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

from recurra.engine.memory import Run
from recurra.engine.replay import replay
from recurra.program import Program

__all__ = ["Gradients", "first_gradients", "second_gradients", "spread"]

Gradients = list[Tensor | None]


def spread(values: Sequence[Tensor], given: Sequence[bool]) -> Gradients:
    """The values at the places that are given, None elsewhere.

    >>> spread([torch.tensor(1)], [False, True])
    [None, tensor(1)]
    """
    each = iter(values)
    return [next(each) if present else None for present in given]


def first_gradients(
    program: Program, run: Run, grads: Gradients, wanted: Sequence[bool]
) -> list[Tensor]:
    """The gradients that are wanted of a run's inputs and starts.

    Args:
        program: a valid program.
        run: what it runs over.
        grads: those of answers and final states.
        wanted: for every input and start.
    """
    further = torch.is_grad_enabled()
    return _replayed(program, run, grads, wanted, create_graph=further)[0]


def second_gradients(
    program: Program,
    run: Run,
    first: Gradients,
    wanted: Sequence[bool],
    grads: Gradients,
    needs: Sequence[bool],
) -> Gradients:
    """The gradients of `first_gradients`.

    Args:
        program: a valid program.
        run: what it runs over.
        first: the gradients of answers and final states that it was given.
        wanted: what was asked of it.
        grads: the gradients of what it gave.
        needs: for every input, start and gradient that it was given.
    """
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        taken = [None if grad is None else _apart(grad, True) for grad in first]
        made, own = _replayed(program, run, taken, wanted, create_graph=True)
        own += [grad for grad in taken if grad is not None]
        asked = [each for each, need in zip(own, needs, strict=True) if need]
        pairs = _pairs(made, grads)
        if not pairs or not asked:
            return [None] * len(own)
        outputs, weights = zip(*pairs, strict=True)
        found = torch.autograd.grad(
            outputs, asked, weights, create_graph=further, allow_unused=True
        )
    return spread(found, needs)


def _replayed(
    program: Program, run: Run, grads: Gradients, wanted: Sequence[bool], *, create_graph: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """First gradients, and what they were taken with respect to."""
    with torch.enable_grad():
        both = zip(chain(run.inputs, run.starts), wanted, strict=True)
        own = [_apart(tensor, want) for tensor, want in both]
        count = len(run.inputs)
        answers, finals = replay(program, run._replace(inputs=own[:count], starts=own[count:]))
        asked = [tensor for tensor, want in zip(own, wanted, strict=True) if want]
        pairs = _pairs([*answers, *finals], grads)
        if not pairs:
            return [torch.zeros_like(tensor) for tensor in asked], own
        outputs, weights = zip(*pairs, strict=True)
        made = torch.autograd.grad(
            outputs, asked, weights, create_graph=create_graph, materialize_grads=True
        )
    return list(made), own


def _apart(tensor: Tensor, want: bool) -> Tensor:
    """A view, so that a gradient is the direct one even where one input was made of another."""
    return tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_(want)


def _pairs(outputs: Sequence[Tensor], grads: Gradients) -> list[tuple[Tensor, Tensor]]:
    """The outputs that have a gradient, with it."""
    both = zip(outputs, grads, strict=True)
    return [(out, grad) for out, grad in both if grad is not None and out.requires_grad]
