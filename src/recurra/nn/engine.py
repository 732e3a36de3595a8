"""Which code runs a call of a drop-in: the one place where another engine comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from recurra.nn import loop, native
from recurra.nn.call import Call, as_hx, as_slots

if TYPE_CHECKING:
    from recurra.nn.modules import DropIn

__all__ = ["Engine", "choose", "run"]

Engine = Literal["native", "fused", "packed", "loop"]


def choose(module: DropIn, x: Any, hx: Any, *, lengths: Any, reset: Any) -> Engine:
    """The engine for a call with these arguments.

    "native" is ours, for any call on the CPU in float32 or float64. Elsewhere "fused" hands the
    call to torch as it came, and "packed" lets torch's kernels run ragged rows. Neither can set a
    state back on the way; for that there is a "loop" over time.

    >>> import torch, recurra as rc
    >>> choose(rc.nn.GRU(3, 8), torch.zeros(5, 2, 3), None, lengths=None, reset=None)
    'native'
    >>> wide = rc.nn.GRU(3, 8).bfloat16(), torch.zeros(5, 2, 3).bfloat16(), None
    >>> choose(*wide, lengths=None, reset=None), choose(*wide, lengths=[2, 1], reset=None)
    ('fused', 'packed')
    """
    if native.refusal(module, x, hx) is None:
        return "native"
    if reset is not None:
        return "loop"
    return "fused" if lengths is None else "packed"


def run(engine: Engine, module: DropIn, call: Call) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a checked call: y (batch, time, feature) and the final state's slots."""
    if engine == "native":
        return native.run(module, call)
    if engine == "packed" and call.lengths is not None and 0 not in call.x.shape[:2]:
        return _run_packed(module, call, call.lengths)
    return loop.run(module, call)


def _run_packed(module: DropIn, call: Call, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    # torch packs no row of length 0: such a row runs one step, which is then forgotten.
    steps = lengths.clamp(min=1).cpu()
    packed = pack_padded_sequence(call.x, steps, batch_first=True, enforce_sorted=False)
    y, hx = module.by_torch(packed, as_hx(module, call.slots))
    y, _ = pad_packed_sequence(y, batch_first=True, total_length=call.x.shape[1])
    stepped = (lengths > 0)[:, None]
    slots = zip(as_slots(module, hx), call.slots, strict=True)
    return y, tuple(new.where(stepped, old) for new, old in slots)
