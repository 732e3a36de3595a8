"""torch.nn.RNN, LSTM and GRU, which also take resets inside the batch and ragged rows.

Each is torch's class with another ``forward``, so construction, parameters, ``state_dict``, hooks,
checks and ``repr`` are torch's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from recurra.nn import engine
from recurra.nn.layouts import layout_of

__all__ = ["GRU", "LSTM", "RNN"]


class DropIn(nn.RNNBase):
    """What the three have in common; it comes before torch's class in theirs."""

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | Sequence[Any] | None = None,
    ) -> tuple[Any, Any]:
        """Run over whole sequences.

        Args:
            input: (time, batch, feature), (batch, time, feature) with batch_first, (time, feature)
                for one sequence, or a PackedSequence.
            hx: the state to start from, as torch's class takes it; None starts at zeros.
            lengths: (batch,), the real steps of each row, in any order and 0 included. The rest of
                a row is not looked at: its answers are zeros and its final state is that after its
                last real step.
            reset: booleans in the layout of input without its features: (time, batch),
                (batch, time) with batch_first, or (time,). Where true the state is set to zeros
                before that step; read backwards, an episode starts at its last step instead.

        Returns:
            The answers and the final state, as torch's class gives them.

        Raises:
            ShapeError: `lengths` or `reset` has the wrong shape or type, or input is packed.
            ValueError, RuntimeError: torch's own, about input and hx.
        """
        chosen = engine.choose(self, input, hx, lengths=lengths, reset=reset)
        if chosen == "fused":
            return self.by_torch(input, hx)
        self._update_flat_weights()
        layout = layout_of(self, input)
        call = layout.open(hx, lengths, reset)
        y, slots = engine.run(chosen, self, call)
        return layout.close(call, y, slots)

    def by_torch(self, input: Tensor | PackedSequence, hx: Any) -> tuple[Any, Any]:
        """The forward of torch's class."""
        answer: tuple[Any, Any] = super().forward(input, hx)
        return answer


class RNN(DropIn, nn.RNN):
    """torch.nn.RNN with `lengths` and `reset`.

    Arguments, parameters and equations are those of torch.nn.RNN.

    >>> import torch, recurra as rc
    >>> layer = rc.nn.RNN(3, 8, nonlinearity="relu", batch_first=True)
    >>> y, h = layer(torch.randn(2, 5, 3), lengths=[5, 0])
    >>> y.shape, h[0, 1].abs().sum().item()
    (torch.Size([2, 5, 8]), 0.0)
    """


class LSTM(DropIn, nn.LSTM):
    """torch.nn.LSTM with `lengths` and `reset`.

    Arguments, parameters and equations are those of torch.nn.LSTM, proj_size among them.

    >>> import torch, recurra as rc
    >>> layer = rc.nn.LSTM(3, 8, batch_first=True)
    >>> x, done = torch.randn(1, 5, 3), torch.tensor([[False, False, True, False, False]])
    >>> y, (h, c) = layer(x, reset=done)
    >>> alone, _ = layer(x[:, 2:])
    >>> torch.allclose(y[:, 2:], alone, atol=1e-6)
    True
    """


class GRU(DropIn, nn.GRU):
    """torch.nn.GRU with `lengths` and `reset`.

    Arguments, parameters and equations are those of torch.nn.GRU.

    >>> import torch, recurra as rc
    >>> layer = rc.nn.GRU(3, 8, num_layers=2, bidirectional=True)
    >>> y, h = layer(torch.randn(5, 2, 3), lengths=[2, 5])
    >>> y.shape, h.shape
    (torch.Size([5, 2, 16]), torch.Size([4, 2, 8]))
    """
