"""A program over sequences as one operation of torch, with gradients of any order.

``torch.ops.recurra.sequence`` holds its program as a text of JSON, so that an exported or compiled
graph needs nothing else. Its gradient is an operation too, ``recurra::sequence_backward``. Second
gradients, which few need, come from replaying the program in torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from recurra.engine.blocks import block_of
from recurra.engine.memory import Run, Runner, program_of, runner_of
from recurra.engine.replayed import Gradients, first_gradients, second_gradients, spread

__all__ = ["needs_gradients", "run_sequence"]


@torch.library.custom_op("recurra::sequence", mutates_args=(), device_types="cpu")
def sequence(
    program: str,
    dtype: str,
    inputs: list[Tensor],
    starts: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    backwards: bool,
    time_first: bool,
    keep: bool,
) -> list[Tensor]:
    """Answers, final states, and the bytes kept for the gradients; see `Run` for the arguments."""
    run = Run(inputs, starts, lengths, reset, backwards, time_first)
    made, residuals = runner_of(program, dtype).forward(run, keep)
    return [*made, block_of(0) if residuals is None else residuals]


@sequence.register_fake
def _(
    program: str,
    dtype: str,
    inputs: list[Tensor],
    starts: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    backwards: bool,
    time_first: bool,
    keep: bool,
) -> list[Tensor]:
    plan = runner_of(program, dtype)
    run = Run(inputs, starts, lengths, reset, backwards, time_first)
    made = plan.outputs(run, inputs[plan.xs[0]].new_empty)
    size: Any = 0
    if keep:
        sizes: tuple[Any, ...] = tuple(made[0].shape[:2])
        if any(isinstance(size, torch.SymInt) for size in sizes):
            size = torch.library.get_ctx().new_dynamic_size()
        else:
            size = plan.compiled.residual_bytes(*sizes)
    return [*made, made[0].new_empty(size, dtype=torch.uint8)]


@torch.library.custom_op("recurra::sequence_backward", mutates_args=(), device_types="cpu")
def sequence_backward(
    program: str,
    dtype: str,
    inputs: list[Tensor],
    starts: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    backwards: bool,
    residuals: Tensor,
    grads: list[Tensor],
    given: list[bool],
    wanted: list[bool],
) -> list[Tensor]:
    """The gradients that are wanted of inputs and starts.

    `grads` holds those of answers and final states of which `given` says that there is one.
    """
    run = Run(inputs, starts, lengths, reset, backwards)
    made = runner_of(program, dtype).backward(run, residuals, spread(grads, given), wanted)
    return [each for each in made if each is not None]


@sequence_backward.register_fake
def _(
    program: str,
    dtype: str,
    inputs: list[Tensor],
    starts: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    backwards: bool,
    residuals: Tensor,
    grads: list[Tensor],
    given: list[bool],
    wanted: list[bool],
) -> list[Tensor]:
    both = zip(chain(inputs, starts), wanted, strict=True)
    return [each.new_empty(each.shape) for each, want in both if want]


def _remember(ctx: Any, inputs: Any, output: list[Tensor]) -> None:
    program, dtype, tensors, starts, lengths, reset, backwards, _, keep = inputs
    ctx.set_materialize_grads(False)
    ctx.said = (program, dtype, backwards, keep, len(tensors))
    ctx.save_for_backward(*tensors, *starts, lengths, reset, output[-1])


def _backward(ctx: Any, grads: Gradients) -> tuple[Any, ...]:
    program, dtype, backwards, keep, count = ctx.said
    *tensors, lengths, reset, residuals = ctx.saved_tensors
    run = Run(tensors[:count], tensors[count:], lengths, reset, backwards)
    wanted = [*ctx.needs_input_grad[2], *ctx.needs_input_grad[3]]
    found = _gradients(program, dtype, run, residuals if keep else None, grads[:-1], wanted)
    return None, None, found[:count], found[count:], None, None, None, None, None


def _gradients(
    program: str,
    dtype: str,
    run: Run,
    residuals: Tensor | None,
    grads: Gradients,
    wanted: list[bool],
) -> Gradients:
    """The gradients of a run, which may be differentiated again or mapped over."""
    if residuals is None or _mapped_over(grads):
        made = first_gradients(program_of(program), run, grads, wanted)
        return spread(made, wanted)
    inputs, starts, lengths, reset, backwards, _ = run
    given = [grad is not None for grad in grads]
    made = torch.ops.recurra.sequence_backward(
        program, dtype, list(inputs), list(starts), lengths, reset, backwards, residuals,
        [grad for grad in grads if grad is not None], given, wanted,
    )  # fmt: skip
    return spread(made, wanted)


def _mapped_over(grads: Sequence[Tensor | None]) -> bool:
    """Whether torch hands in many gradients at once, which only its own operations take."""
    return torch._C._are_functorch_transforms_active() or any(
        grad is not None and torch._C._functorch.is_legacy_batchedtensor(grad) for grad in grads
    )


def _remember_backward(ctx: Any, inputs: Any, output: list[Tensor]) -> None:
    program, _, tensors, starts, lengths, reset, backwards, _, grads, given, wanted = inputs
    ctx.set_materialize_grads(False)
    ctx.said = (program, backwards, given, wanted, len(tensors), len(starts))
    ctx.save_for_backward(*tensors, *starts, *grads, lengths, reset)


def _backward_of_backward(ctx: Any, grads: Gradients) -> tuple[Any, ...]:
    program, backwards, given, wanted, count, started = ctx.said
    *tensors, lengths, reset = ctx.saved_tensors
    inputs, starts = tensors[:count], tensors[count : count + started]
    run = Run(inputs, starts, lengths, reset, backwards)
    needs = [*ctx.needs_input_grad[2], *ctx.needs_input_grad[3], *ctx.needs_input_grad[8]]
    first = spread(tensors[count + started :], given)
    found = second_gradients(program_of(program), run, first, wanted, grads, needs)
    ends = (count, count + started)
    return (
        None, None, found[: ends[0]], found[ends[0] : ends[1]], None, None, None, None,
        found[ends[1] :], None, None,
    )  # fmt: skip


torch.library.register_autograd(sequence, _backward, setup_context=_remember)
torch.library.register_autograd(
    sequence_backward, _backward_of_backward, setup_context=_remember_backward
)


class _Sequence(torch.autograd.Function):
    """The same outside of any graph: what the operations cost beside the engine is left out."""

    @staticmethod
    def forward(ctx: Any, plan: Runner, said: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        text, dtype, run = said
        lengths, reset, backwards = run.lengths, run.reset, run.backwards
        run = run._replace(inputs=tensors[: plan.count], starts=tensors[plan.count :])
        made, residuals = plan.forward(run, keep=True)
        ctx.set_materialize_grads(False)
        ctx.plan, ctx.said = plan, (text, dtype, backwards)
        ctx.save_for_backward(*tensors, lengths, reset, residuals)
        return tuple(made)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, lengths, reset, residuals = ctx.saved_tensors
        plan, (text, dtype, backwards) = ctx.plan, ctx.said
        run = Run(tensors[: plan.count], tensors[plan.count :], lengths, reset, backwards)
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled() or _mapped_over(grads):
            found = _gradients(text, dtype, run, residuals, list(grads), list(wanted))
        else:
            found = plan.backward(run, residuals, grads, wanted)
        return None, None, *found


def needs_gradients(run: Run) -> bool:
    """Whether anybody may ask for gradients of a run."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in (*run.inputs, *run.starts))


def run_sequence(text: str, dtype: str, run: Run) -> Sequence[Tensor]:
    """Answers (batch, time, ...) and final states (batch, ...) of a program, in its order."""
    inputs, starts, lengths, reset, backwards, time_first = run
    keep = needs_gradients(run)
    if torch.compiler.is_compiling() or _get_current_dispatch_mode() is not None:
        made: list[Tensor] = torch.ops.recurra.sequence(
            text, dtype, list(inputs), list(starts), lengths, reset, backwards, time_first, keep
        )
        return made[:-1]
    plan = runner_of(text, dtype)
    if keep:
        alone = run._replace(inputs=(), starts=())  # or it would hold on to what it runs over
        apply: Any = _Sequence.apply
        return apply(plan, (text, dtype, alone), *inputs, *starts)  # type: ignore[no-any-return]
    return plan.forward(run, keep)[0]
