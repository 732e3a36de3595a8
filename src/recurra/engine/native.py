"""Programs made ready to run, on raw memory: where the native engine begins.

Nothing here knows torch. Whoever calls owns the memory, checks shapes and types beforehand, and
keeps every array alive for the length of a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from recurra.engine.plainloop import PlainLoop
from recurra.errors import PlanError
from recurra.program import Input, Output, Program

__all__ = ["Call", "Compiled", "Gradients", "Strided"]

# An address, and how many elements lie between two rows and between two times. The rest of an
# element's axes are contiguous. A time stride of 0 holds one value for all times.
Strided = tuple[int, int, int]
Named = TypeVar("Named", Input, Output)


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


class Compiled:
    """One program made ready for one element type; it never changes and is shared by threads.

    Past a row's length nothing is read, and answers and gradients of x are zeros; a row of length
    0 keeps its state. A flag of `reset` sets the state to H_0 before the step that reads its time,
    in either direction.

    Args:
        program: a valid program of a step.
        dtype: "float32" or "float64".

    Raises:
        PlanError: the engine cannot run it.
    """

    def __init__(self, program: Program, dtype: str) -> None:
        if dtype not in ("float32", "float64"):
            raise PlanError(f"a program runs in float32 or float64, not {dtype}.")
        self.program = program
        self.dtype = dtype
        self.xs = _with_role(program.inputs, "x")
        self.draws = _with_role(program.inputs, "draw")
        self.states = _with_role(program.inputs, "state")
        self.weights = _with_role(program.inputs, "weight")
        self.ys = _with_role(program.outputs, "y")
        self._loop = PlainLoop(program, dtype)

    def residual_bytes(self, batch: int, time: int) -> int:
        """How many bytes `forward` keeps for `backward`."""
        return self._loop.residual_bytes(batch, time)

    def forward(self, call: Call) -> None:
        """Run over sequences."""
        self._loop.forward(call)

    def backward(self, call: Call, gradients: Gradients) -> None:
        """The gradients of a run whose residuals were kept."""
        self._loop.backward(call, gradients)

    def describe(self) -> str:
        """What is done before the loop over time, in it and after it."""
        return str(self.program)


def _with_role(named: Sequence[Named], role: str) -> tuple[Named, ...]:
    return tuple(each for each in named if each.role == role)
