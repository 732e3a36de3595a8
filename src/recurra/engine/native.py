"""Programs made ready to run, on raw memory: where the native engine begins.

Nothing here knows torch. Whoever calls owns the memory, checks shapes and types beforehand, and
keeps every array alive for the length of a call.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from recurra.compiler.adjoint import Backward, backward_program, training
from recurra.compiler.plan import Layout, lay_out
from recurra.compiler.prepare import prepare
from recurra.engine import _native
from recurra.errors import PlanError
from recurra.program import Input, Output, Program

__all__ = ["Call", "Compiled", "Gradients", "Strided", "make_plan"]

# An address, and how many elements lie between two rows and between two times. The rest of an
# element's axes are contiguous. A time stride of 0 holds one value for all times.
Strided = tuple[int, int, int]
Named = TypeVar("Named", Input, Output)
_Line = tuple[int, int, int, bool]

_SIZES = {"float32": 4, "float64": 8}
_PLANS: dict[str, Any] = {"float32": _native.Plan32, "float64": _native.Plan64}
_OPS = _native.op_numbers()


class Call(NamedTuple):
    """One run over sequences: addresses by role, in the order the program names them.

    Inputs are read, answers and finals written; finals have the layout of states. In a backward
    call the addresses of answers and finals are 0.
    """

    batch: int
    time: int
    xs: Sequence[Strided]
    draws: Sequence[Strided]
    states: Sequence[int]  # (batch, ...) each, H before the first step
    weights: Sequence[int]  # contiguous
    ys: Sequence[Strided]
    finals: Sequence[int]
    starts: Sequence[int] | None = None  # H_0, where `reset` is given
    lengths: int = 0  # int64 (batch,); 0 where every step is real
    reset: int = 0  # bool (batch, time); 0 where no state is set back
    residuals: int = 0  # bytes written for `backward`; 0 where there will be none
    backwards: bool = False  # from each row's last real step to its first


class Gradients(NamedTuple):
    """Gradients that come in and go out of a backward call; address 0 is none, or not wanted.

    What goes out is written, never added to, and lies as the inputs it belongs to, contiguous.
    """

    y_grads: Sequence[Strided | None]
    final_grads: Sequence[int]
    x_grads: Sequence[Strided | None]
    weight_grads: Sequence[int]
    state_grads: Sequence[int]
    start_grads: Sequence[int]


def make_plan(program: Program, dtype: str, isa: str = "", *, descending: bool = False) -> Any:
    """The engine's plan of a simplified and fused step, and its layout.

    Args:
        program: the step.
        dtype: "float32" or "float64".
        isa: an instruction set to force: "baseline", "avx2" or "avx512".
        descending: whether time runs from the last step to the first.

    Raises:
        PlanError: the engine cannot run it.
    """
    layout = lay_out(program, _OPS, dtype)
    plan = _PLANS[dtype](
        layout.buffers,
        layout.instructions,
        layout.stages,
        layout.segments,
        layout.matrices,
        layout.constants,
        descending,
        isa,
    )
    return plan, layout


class _Backwards(NamedTuple):
    """A backward plan for some wanted gradients of x."""

    plan: Any
    layout: Layout
    step: Backward


class Compiled:
    """One program made ready for one element type; it never changes and is shared by threads.

    Past a row's length nothing is read, and answers and gradients of x are zeros; a row of length
    0 keeps its state. A flag of `reset` sets the state to H_0 before the step that reads its time,
    in either direction.

    Args:
        program: a valid program of a step.
        dtype: "float32" or "float64".
        isa: an instruction set to force: "baseline", "avx2" or "avx512"; the best by default.

    Raises:
        PlanError: the engine cannot run it.
    """

    def __init__(self, program: Program, dtype: str, isa: str = "") -> None:
        if dtype not in _SIZES:
            raise PlanError(f"a program runs in float32 or float64, not {dtype}.")
        self.program = program
        self.dtype = dtype
        self.isa = isa
        self.xs = _with_role(program.inputs, "x")
        self.draws = _with_role(program.inputs, "draw")
        self.states = _with_role(program.inputs, "state")
        self.weights = _with_role(program.inputs, "weight")
        self.ys = _with_role(program.outputs, "y")
        types = program.types()
        self._y_sizes = [math.prod(types[each.value].shape) for each in self.ys]
        self.step = prepare(program)
        self._size = _SIZES[dtype]
        self._forward, self.layout = make_plan(self.step, dtype, isa)
        self._lock = threading.Lock()
        self._training: Any = None
        self._kept: tuple[int, ...] = ()
        self._kept_sizes: list[int] = []
        self._backwards: dict[frozenset[str], _Backwards] = {}

    def _prepare_training(self) -> None:
        with self._lock:
            if self._training is not None:
                return
            forward, kept = training(self.step)
            types = self.step.types()
            self._kept = kept
            self._kept_sizes = [math.prod(types[value].shape) for value in kept]
            self._training, _ = make_plan(forward, self.dtype, self.isa)

    def _backward_plan(self, wanted: frozenset[str]) -> _Backwards:
        self._prepare_training()
        with self._lock:
            if wanted not in self._backwards:
                step = backward_program(self.step, self._kept, wanted)
                plan, layout = make_plan(step.program, self.dtype, self.isa, descending=True)
                self._backwards[wanted] = _Backwards(plan, layout, step)
            return self._backwards[wanted]

    def residual_bytes(self, batch: int, time: int) -> int:
        """How many bytes `forward` keeps for `backward`."""
        self._prepare_training()
        return sum(self._kept_sizes) * batch * time * self._size

    def _kept_lines(self, call: Call) -> list[_Line]:
        lines: list[_Line] = []
        address = call.residuals
        for size in self._kept_sizes:
            lines.append((address, size, call.batch * size, True))
            address += size * call.batch * call.time * self._size
        return lines

    def _x_lines(self, call: Call) -> list[_Line]:
        """The x and draws; strides of indices count 8 bytes, the plan's its own elements."""
        lines = []
        for given, (address, rows, times) in zip(
            (*self.xs, *self.draws), (*call.xs, *call.draws), strict=True
        ):
            scale = 8 // self._size if given.type.kind == "index" else 1
            lines.append((address, rows * scale, times * scale, False))
        return lines

    def forward(self, call: Call) -> None:
        """Run over sequences."""
        plan = self._forward
        ys: list[_Line] = [(*each, False) for each in call.ys]
        if call.residuals:
            self._prepare_training()
            plan = self._training
            ys += self._kept_lines(call)
        plan.run(
            call.batch,
            call.time,
            call.backwards,
            call.lengths,
            call.reset,
            self._x_lines(call),
            ys,
            call.weights,
            call.states,
            call.starts or (),
            call.finals,
            (),
            (),
        )

    def backward(self, call: Call, gradients: Gradients) -> None:
        """The gradients of a run whose residuals were kept."""
        wanted = frozenset(
            each.name
            for each, line in zip(self.xs, gradients.x_grads, strict=True)
            if line is not None and line[0]
        )
        plan, _, step = self._backward_plan(wanted)
        sources = [("x", each.name) for each in self.xs]
        sources += [("draw", each.name) for each in self.draws]
        xs: dict[tuple[str, str], _Line] = dict(zip(sources, self._x_lines(call), strict=True))
        for place, line in enumerate(self._kept_lines(call)):
            xs["kept", str(place)] = line
        zeros = _Zeros(self._size)
        for each, size, given in zip(self.ys, self._y_sizes, gradients.y_grads, strict=True):
            address, rows, times = given if given and given[0] else (zeros.of(size), 0, 0)
            xs["y", each.name] = (address, rows, times, False)
        states = [
            address or zeros.of(call.batch * math.prod(each.type.shape))
            for each, address in zip(self.states, gradients.final_grads, strict=True)
        ]
        ys: list[_Line] = [
            (*line, False)
            for each, line in zip(self.xs, gradients.x_grads, strict=True)
            if line is not None and each.name in wanted
        ]
        plan.run(
            call.batch,
            call.time,
            call.backwards,
            call.lengths,
            call.reset,
            [xs[source] for source in step.xs],
            ys,
            call.weights,
            states,
            (),
            gradients.state_grads,
            gradients.weight_grads,
            gradients.start_grads or (0,) * len(states),
        )

    def describe(self) -> str:
        """What is done for all times at once and in loops over time, and what training keeps."""
        self._prepare_training()
        lines: list[str] = []
        for kind, words in self.layout.parts:
            lines.append(f"{kind}:")
            lines += [f"  {each}" for each in words]
        kept = sum(self._kept_sizes) * self._size
        lines.append(f"kept for the gradient: {kept} bytes a row and step")
        return "\n".join(lines)


class _Zeros:
    """Zeros that live as long as a call."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._arrays: list[bytearray] = []

    def of(self, count: int) -> int:
        """The address of so many zeros."""
        self._arrays.append(bytearray(count * self._size + 8))
        return ctypes.addressof(ctypes.c_char.from_buffer(self._arrays[-1]))


def _with_role(named: Sequence[Named], role: str) -> tuple[Named, ...]:
    return tuple(each for each in named if each.role == role)
