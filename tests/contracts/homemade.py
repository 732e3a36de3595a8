"""Cells as a user writes them, with states of every kind the layers promise to carry."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recurra import Cell


@dataclass
class FastWeightsState:
    matrix: Tensor  # (batch, size, size)  what was bound to what
    events: Tensor  # (batch,)             how many there were


class FastWeights(Cell[FastWeightsState]):
    """A matrix that remembers which value came with which key; its state is a dataclass."""

    def __init__(self, input_size, size, *, decay=0.9):
        super().__init__()
        self.input_size, self.size, self.decay = input_size, size, decay
        self.key = nn.Linear(input_size, size)
        self.value = nn.Linear(input_size, size)

    def config(self):
        return {"input_size": self.input_size, "size": self.size, "decay": self.decay}

    def initial_state(self, batch):
        return FastWeightsState(self.zeros(batch, self.size, self.size), self.zeros(batch))

    def update(self, state, x):
        bound = self.key(x)[:, :, None] * self.value(x)[:, None, :]
        return FastWeightsState(self.decay * state.matrix + bound, state.events + 1)

    def output(self, state, x):
        return state.matrix.mean(1) / state.events.sqrt()[:, None]


class Leaky(Cell[Tensor]):
    """A leaky integrator whose state is one tensor."""

    def __init__(self, input_size, size):
        super().__init__()
        self.input_size, self.size = input_size, size
        self.input = nn.Linear(input_size, size)
        self.leak = nn.Parameter(torch.rand(size))

    def config(self):
        return {"input_size": self.input_size, "size": self.size}

    def initial_state(self, batch):
        return self.zeros(batch, self.size)

    def update(self, state, x):
        kept = torch.sigmoid(self.leak)
        return kept * state + (1 - kept) * self.input(x)

    def output(self, state, x):
        return state


class FeedThrough(Leaky):
    """Answers from the state and, past it, from the input itself."""

    def output(self, state, x):
        return torch.cat([state.tanh(), x], dim=-1)


class Directions(Leaky):
    """Sums up the directions of its inputs: there is none where the input is zero."""

    def __init__(self, input_size, size):
        super().__init__(input_size, size)
        self.input = nn.Linear(input_size, size, bias=False)

    def update(self, state, x):
        drive = self.input(x)
        return torch.sigmoid(self.leak) * state + drive / drive.norm(dim=-1, keepdim=True)


class LastInput(Cell[tuple]):
    """Keeps x itself in nested plain tuples; the answer is the state, not a copy of it."""

    def __init__(self, size):
        super().__init__()
        self.input_size = self.size = size
        self.place_without_weights()

    def config(self):
        return {"size": self.size}

    def initial_state(self, batch):
        return (self.zeros(batch, self.size), ((), self.zeros(batch, self.size)))

    def update(self, state, x):
        return (x, ((), state[0]))

    def output(self, state, x):
        return state[1][1]
