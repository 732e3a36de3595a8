"""The steps of torch.nn's recurrent layers, for our own loop.

Each is built from the weights of one layer and direction. The product with x is not part of the
step: `drive` makes it for all times at once, before the loop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells import gru, lstm
from recurra.cells.elman import ElmanState
from recurra.cells.gru import GRUState
from recurra.cells.lstm import LSTMState
from recurra.cells.zeros import new_zeros
from recurra.interop.torch_weights import Weights, weights_of

__all__ = ["Step", "step_of"]


class Step:
    """One layer in one direction, as the loop over time asks for it."""

    state_type: type[Any]
    mode: str  # as torch.nn calls it

    def __init__(self, weights: Weights, slots: tuple[Tensor, ...]) -> None:
        self.weights = weights
        self.bias = _sum(weights.bias_ih, weights.bias_hh)
        self.given = self.state_type(*slots)
        self.start = self.state_type(*(new_zeros(slot, slot.shape) for slot in slots))

    def drive(self, x: Tensor) -> Tensor:
        """W x + b for all times: (batch, time, gates * hidden_size)."""
        return F.linear(x, self.weights.ih, self.bias)

    def initial_state(self, batch: int) -> Any:
        """Zeros, where a reset asks for them."""
        return self.start

    def update(self, state: Any, x: Tensor) -> Any:
        """f, from the drive of one time."""
        raise NotImplementedError

    def output(self, state: Any, x: Tensor) -> Tensor:
        """g: what the next layer sees."""
        return state.h  # type: ignore[no-any-return]


class TanhStep(Step):
    """torch.nn.RNN with nonlinearity="tanh"."""

    state_type = ElmanState
    mode = "RNN_TANH"

    def update(self, state: ElmanState, x: Tensor) -> ElmanState:
        return ElmanState(h=torch.tanh(x + F.linear(state.h, self.weights.hh)))


class ReluStep(Step):
    """torch.nn.RNN with nonlinearity="relu"."""

    state_type = ElmanState
    mode = "RNN_RELU"

    def update(self, state: ElmanState, x: Tensor) -> ElmanState:
        return ElmanState(h=torch.relu(x + F.linear(state.h, self.weights.hh)))


class LSTMStep(Step):
    """torch.nn.LSTM; with proj_size its h is projected after the step (Sak et al. 2014)."""

    state_type = LSTMState
    mode = "LSTM"

    def update(self, state: LSTMState, x: Tensor) -> LSTMState:
        new = lstm.gated_update(x + F.linear(state.h, self.weights.hh), state.c)
        if self.weights.hr is None:
            return new
        return LSTMState(h=F.linear(new.h, self.weights.hr), c=new.c)


class GRUStep(Step):
    """torch.nn.GRU, whose reset gate multiplies the candidate's product and its second bias."""

    state_type = GRUState
    mode = "GRU"

    def __init__(self, weights: Weights, slots: tuple[Tensor, ...]) -> None:
        super().__init__(weights, slots)
        size = weights.hh.shape[1]
        if weights.bias_hh is None:
            self.candidate_bias = weights.hh.new_zeros(size)
        else:
            self.candidate_bias = weights.bias_hh[2 * size :]
            self.bias = _sum(weights.bias_ih, F.pad(weights.bias_hh[: 2 * size], (0, size)))

    def update(self, state: GRUState, x: Tensor) -> GRUState:
        recalled = F.linear(state.h, self.weights.hh)
        return gru.gated_update(x, recalled, self.candidate_bias, state.h)


_STEPS = {step.mode: step for step in (TanhStep, ReluStep, LSTMStep, GRUStep)}


def step_of(module: nn.RNNBase, layer: int, backwards: bool, slots: tuple[Tensor, ...]) -> Step:
    """The step of one layer and direction, with the state it starts from."""
    return _STEPS[module.mode](weights_of(module, layer, backwards), slots)


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    return one if other is None or one is None else one + other
