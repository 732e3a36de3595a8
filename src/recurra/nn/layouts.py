"""The layouts a drop-in's arguments come in: checked, laid out batch first, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from recurra.cells.zeros import new_zeros
from recurra.errors import ShapeError
from recurra.layers.arguments import check_lengths, check_reset, fill_past
from recurra.nn.call import (
    Call,
    Flags,
    Lengths,
    as_hx,
    as_slots,
    signature,
)

if TYPE_CHECKING:
    from recurra.nn.modules import DropIn

__all__ = ["Packed", "Padded", "layout_of"]


class Padded:
    """A call with a tensor, in any of the three layouts torch takes."""

    def __init__(self, module: DropIn, x: Tensor) -> None:
        self.module = module
        self.x = x
        self.unbatched = x.dim() == 2
        self.batch_axis = 0 if module.batch_first else 1

    def open(self, hx: Any, lengths: Lengths, reset: Flags) -> Call:
        """Check the arguments and lay them out.

        Raises:
            ShapeError: `lengths` or `reset` has the wrong shape or type.
            ValueError, RuntimeError: torch's own, about x and the state.
        """
        if self._torch_refuses(hx, plain=lengths is None and reset is None):
            self.module.by_torch(self.x, hx)  # for the error it raises
        x = self._with_batch(self.x)
        if hx is None:
            hx = _zeros(self.module, x, None)
        elif self.unbatched:
            slots = as_slots(self.module, hx)
            hx = as_hx(self.module, tuple(slot.unsqueeze(1) for slot in slots))
        self.module.check_forward_args(x, hx, None)
        if reset is not None:
            reset = self._batch_first(self._with_batch(self._check_reset(reset)))
        x = self._batch_first(x)
        lengths = self._open_lengths(lengths, x)
        if lengths is not None:
            x = fill_past(x, lengths, 0)
        return Call(x, as_slots(self.module, hx), lengths, reset, self.batch_axis == 1)

    def close(self, call: Call, y: Tensor, slots: tuple[Tensor, ...]) -> tuple[Tensor, Any]:
        """The answers in the layout of x, and the state in torch's."""
        if call.lengths is not None:
            y = fill_past(y, call.lengths, 0)
        if self.unbatched:
            return y[0], as_hx(self.module, tuple(slot[:, 0] for slot in slots))
        return self._batch_first(y), as_hx(self.module, slots)

    def _torch_refuses(self, hx: Any, *, plain: bool) -> bool:
        """Whether the axes, or in a plain call the lack of steps, are an error of torch's."""
        if self.x.dim() not in (2, 3):
            return True
        time = self.x.shape[0 if self.unbatched else 1 - self.batch_axis]
        if plain and time == 0:
            return True
        slots = () if hx is None else as_slots(self.module, hx)
        return any(slot.dim() != self.x.dim() for slot in slots)

    def _with_batch(self, values: Tensor) -> Tensor:
        return values.unsqueeze(self.batch_axis) if self.unbatched else values

    def _batch_first(self, values: Tensor) -> Tensor:
        """From the module's layout to ours, and the same way back."""
        return values.transpose(0, self.batch_axis)

    def _open_lengths(self, lengths: Lengths, x: Tensor) -> Tensor | None:
        if lengths is None:
            return None
        if self.unbatched:
            raise ShapeError(
                f"{signature(self.module)}: lengths is given for x of shape "
                f"{tuple(self.x.shape)}, which has no batch axis. Cut x at its length instead."
            )
        hint = f" batch_first is {self.module.batch_first}."
        return check_lengths(signature(self.module), lengths, x, hint)

    def _check_reset(self, reset: Flags) -> Tensor:
        axes = "batch, time" if self.module.batch_first else "time, batch"
        meaning = (
            f"a flag for every row and step of x. "
            f"Its axes are ({'time' if self.unbatched else axes}), as those of x"
        )
        return check_reset(signature(self.module), reset, self.x.shape[:-1], self.x, meaning)


class Packed:
    """A call with a PackedSequence, whose rows are sorted by length."""

    def __init__(self, module: DropIn, x: PackedSequence) -> None:
        self.module = module
        self.x = x

    def open(self, hx: Any, lengths: Lengths, reset: Flags) -> Call:
        """Check the arguments and lay them out.

        Raises:
            ShapeError: `lengths` or `reset` is given beside packed rows.
            ValueError, RuntimeError: torch's own, about x and the state.
        """
        module, x = self.module, self.x
        for name, given in (("lengths", lengths), ("reset", reset)):
            if given is not None:
                raise ShapeError(
                    f"{signature(module)}: {name} is given for a PackedSequence, expected padded "
                    f"x. Pass x as a tensor with lengths; it needs no packing."
                )
        if hx is None:
            hx = _zeros(module, x.data, x.batch_sizes)
        else:
            hx = module.permute_hidden(hx, x.sorted_indices)
        module.check_forward_args(x.data, hx, x.batch_sizes)
        in_order = PackedSequence(x.data, x.batch_sizes)
        padded, steps = pad_packed_sequence(in_order, batch_first=True)
        return Call(padded, as_slots(module, hx), steps.to(padded.device), None, False)

    def close(self, call: Call, y: Tensor, slots: tuple[Tensor, ...]) -> tuple[PackedSequence, Any]:
        """The answers packed as x is, and the state in the order of the rows before sorting."""
        assert call.lengths is not None
        x, steps = self.x, call.lengths.cpu()
        data = pack_padded_sequence(y, steps, batch_first=True).data
        packed = PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
        hx = as_hx(self.module, slots)
        return packed, self.module.permute_hidden(hx, x.unsorted_indices)


def layout_of(module: DropIn, x: Tensor | PackedSequence) -> Padded | Packed:
    """How x holds its rows."""
    return Packed(module, x) if isinstance(x, PackedSequence) else Padded(module, x)


def _zeros(module: nn.RNNBase, x: Tensor, batch_sizes: Tensor | None) -> Any:
    shapes = [module.get_expected_hidden_size(x, batch_sizes)]
    if isinstance(module, nn.LSTM):
        shapes.append(module.get_expected_cell_size(x, batch_sizes))
    return as_hx(module, tuple(new_zeros(x, shape) for shape in shapes))
