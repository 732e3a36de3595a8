"""Cells from papers, in the PyTorch that one would write them in."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra import Cell

INPUT, SIZE, HEADS = 3, 6, 2
DEPTH = SIZE // HEADS


class HC(NamedTuple):
    h: Tensor
    c: Tensor


class _Gated(Cell):
    """x and h through one linear map each, into a number of blocks."""

    blocks = 4

    def __init__(self):
        super().__init__()
        self.input_size = INPUT
        self.wx = nn.Linear(INPUT, self.blocks * SIZE)
        self.wh = nn.Linear(SIZE, self.blocks * SIZE, bias=False)

    def initial_state(self, batch):
        return HC(self.zeros(batch, SIZE), self.zeros(batch, SIZE))

    def output(self, state, x):
        return state.h


class LayerNormLSTM(_Gated):
    """Ba et al. 2016."""

    def __init__(self):
        super().__init__()
        self.norm_x, self.norm_h = nn.LayerNorm(4 * SIZE), nn.LayerNorm(4 * SIZE)
        self.norm_c = nn.LayerNorm(SIZE)

    def update(self, state, x):
        h, c = state
        i, f, u, o = (self.norm_x(self.wx(x)) + self.norm_h(self.wh(h))).chunk(4, -1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(u)
        return HC(torch.sigmoid(o) * torch.tanh(self.norm_c(c)), c)


class PeepholeLSTM(_Gated):
    """Gers and Schmidhuber 2000."""

    def __init__(self):
        super().__init__()
        self.peep = nn.Parameter(torch.randn(3, SIZE))

    def update(self, state, x):
        h, c = state
        pi, pf, po = self.peep
        i, f, u, o = torch.split(self.wx(x) + self.wh(h), SIZE, dim=1)
        i, f = torch.sigmoid(i + pi * c), torch.sigmoid(f + pf * c)
        c = f * c + i * u.tanh()
        return HC(torch.sigmoid(o + po * c) * c.tanh(), c)


class CoupledLSTM(_Gated):
    """One gate to forget and to write, Greff et al. 2015."""

    blocks = 3

    def update(self, state, x):
        f, u, o = torch.chunk(torch.addmm(self.wx(x), state.h, self.wh.weight.t()), 3, dim=-1)
        c = torch.lerp(u.tanh(), state.c, f.sigmoid())
        return HC(o.sigmoid() * c.tanh(), c)


class ProjectedLSTM(_Gated):
    """Sak et al. 2014: h is a projection of the memory's answer."""

    def __init__(self):
        super().__init__()
        self.wh = nn.Linear(2, 4 * SIZE, bias=False)
        self.project = nn.Linear(SIZE, 2, bias=False)

    def initial_state(self, batch):
        return HC(self.zeros(batch, 2), self.zeros(batch, SIZE))

    def update(self, state, x):
        i, f, o, u = (self.wx(x) + self.wh(state.h)).view(len(x), 4, SIZE).unbind(1)
        c = f.sigmoid() * state.c + i.sigmoid() * u.tanh()
        return HC(self.project(o.sigmoid() * c.tanh()), c)


class _OneTensor(Cell):
    def __init__(self):
        super().__init__()
        self.input_size = INPUT

    def initial_state(self, batch):
        return self.zeros(batch, SIZE)

    def output(self, state, x):
        return state


class LiGRU(_OneTensor):
    """Ravanelli et al. 2018, with layer norm in the place of batch norm."""

    def __init__(self):
        super().__init__()
        self.w, self.u = nn.Linear(INPUT, 2 * SIZE), nn.Linear(SIZE, 2 * SIZE, bias=False)
        self.norm = nn.LayerNorm(2 * SIZE)

    def update(self, h, x):
        a, z = (self.norm(self.w(x)) + self.u(h)).chunk(2, 1)
        z = torch.sigmoid(z)
        return z * h + (1 - z) * torch.relu(a)


class MGU(_OneTensor):
    """Zhou et al. 2016."""

    def __init__(self):
        super().__init__()
        self.gate, self.candidate = (nn.Linear(INPUT + SIZE, SIZE) for _ in range(2))

    def update(self, h, x):
        f = self.gate(torch.cat((h, x), dim=1)).sigmoid()
        return (1 - f) * h + f * self.candidate(torch.cat((f * h, x), dim=1)).tanh()


class IndRNN(_OneTensor):
    """Li et al. 2018."""

    def __init__(self):
        super().__init__()
        self.w, self.u = nn.Linear(INPUT, SIZE), nn.Parameter(torch.empty(SIZE).uniform_(-1, 1))

    def update(self, h, x):
        return torch.relu(self.w(x) + self.u.clamp(-0.9, 0.9) * h)


class MinGRU(_OneTensor):
    """Feng et al. 2024, over exp(log h): h > 0."""

    def __init__(self):
        super().__init__()
        self.z, self.candidate = nn.Linear(INPUT, SIZE), nn.Linear(INPUT, SIZE)

    def update(self, h, x):
        k, u = self.z(x), self.candidate(x)
        g = torch.where(u >= 0, u + 0.5, torch.sigmoid(u))
        keep, write = -nn.functional.softplus(k), -nn.functional.softplus(-k)
        return torch.exp(keep) * h + torch.exp(write + torch.log(g))


class SRU(_Gated):
    """Lei et al. 2018: nothing but c recurs, and x goes around it."""

    blocks = 3

    def __init__(self):
        super().__init__()
        self.v = nn.Parameter(torch.randn(2, SIZE))
        self.skip = nn.Linear(INPUT, SIZE)

    def update(self, state, x):
        w, f, r = self.wx(x).split([SIZE] * 3, -1)
        f = torch.sigmoid(f + self.v[0] * state.c)
        r = torch.sigmoid(r + self.v[1] * state.c)
        c = f * state.c + (1 - f) * w
        return HC(r * c + (1 - r) * self.skip(x), c)


class LinearAttention(_OneTensor):
    """Katharopoulos et al. 2020, with a decay a head."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(INPUT, 3 * SIZE)
        self.decay = nn.Parameter(torch.randn(HEADS))

    def initial_state(self, batch):
        return HC(self.zeros(batch, HEADS, DEPTH, DEPTH), self.zeros(batch, HEADS, DEPTH))

    def _heads(self, x):
        q, k, v = self.qkv(x).reshape(x.shape[0], 3, HEADS, DEPTH).unbind(1)
        return nn.functional.elu(q) + 1, nn.functional.elu(k) + 1, v

    def update(self, state, x):
        _, k, v = self._heads(x)
        decay = torch.sigmoid(self.decay).view(1, HEADS, 1)
        memory = decay[..., None] * state.h + torch.einsum("bhi,bhj->bhij", v, k)
        return HC(memory, decay * state.c + k)

    def output(self, state, x):
        q, _, _ = self._heads(x)
        read = torch.einsum("bhij,bhj->bhi", state.h, q)
        norm = torch.einsum("bhj,bhj->bh", state.c, q).unsqueeze(-1)
        return (read / (norm.abs() + 1e-6)).flatten(1)


class DeltaNet(LinearAttention):
    """Yang et al. 2024: the memory corrects what it answers to a key; gated."""

    def __init__(self):
        super().__init__()
        self.beta = nn.Linear(INPUT, HEADS)
        self.gate = nn.Linear(INPUT, HEADS)

    def initial_state(self, batch):
        return self.zeros(batch, HEADS, DEPTH, DEPTH)

    def update(self, memory, x):
        _, k, v = self._heads(x)
        k = nn.functional.normalize(k, dim=-1)
        alpha, beta = self.gate(x).sigmoid()[..., None, None], self.beta(x).sigmoid()[..., None]
        memory = alpha * memory
        known = (memory @ k.unsqueeze(-1)).squeeze(-1)
        return memory + (beta * (v - known)).unsqueeze(-1) @ k.unsqueeze(-2)

    def output(self, memory, x):
        q, _, _ = self._heads(x)
        return nn.functional.rms_norm((memory @ q[..., None])[..., 0], (DEPTH,)).flatten(1)


class Pair(NamedTuple):
    real: Tensor
    imaginary: Tensor


class LRU(Cell):
    """Orvieto et al. 2023, its complex numbers as pairs of reals."""

    def __init__(self):
        super().__init__()
        self.input_size = INPUT
        self.nu, self.theta = nn.Parameter(torch.rand(SIZE)), nn.Parameter(torch.rand(SIZE))
        self.b_real, self.b_imaginary = nn.Linear(INPUT, SIZE), nn.Linear(INPUT, SIZE)
        self.c = nn.Linear(2 * SIZE, SIZE)
        self.d = nn.Parameter(torch.randn(INPUT))

    def initial_state(self, batch):
        return Pair(self.zeros(batch, SIZE), self.zeros(batch, SIZE))

    def update(self, state, x):
        radius = torch.exp(-torch.exp(self.nu))
        real, imaginary = radius * self.theta.cos(), radius * self.theta.sin()
        scale = torch.sqrt(1 - radius**2)
        return Pair(
            real * state.real - imaginary * state.imaginary + scale * self.b_real(x),
            real * state.imaginary + imaginary * state.real + scale * self.b_imaginary(x),
        )

    def output(self, state, x):
        y = self.c(torch.cat(state, -1))
        return nn.functional.gelu(y) + nn.functional.pad(self.d * x, (0, SIZE - INPUT))


class CfC(_OneTensor):
    """Hasani et al. 2022; the first feature of x is the time since the event before."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(INPUT + SIZE, 8), nn.SiLU())
        self.f, self.g, self.a, self.b = (nn.Linear(8, SIZE) for _ in range(4))

    def update(self, h, x):
        elapsed = nn.functional.softplus(x[:, :1])
        z = self.backbone(torch.cat([x, h], 1))
        open_ = torch.sigmoid(-self.a(z) * elapsed + self.b(z))
        return torch.tanh(self.f(z)) * (1.0 - open_) + open_ * torch.tanh(self.g(z))


class LTC(_OneTensor):
    """Hasani et al. 2021: a few steps of a solver within one event."""

    def __init__(self):
        super().__init__()
        self.w, self.u = nn.Linear(INPUT, SIZE), nn.Linear(SIZE, SIZE)
        self.tau, self.a = nn.Parameter(torch.rand(SIZE)), nn.Parameter(torch.randn(SIZE))

    def update(self, h, x):
        for _ in range(3):
            f = torch.sigmoid(self.w(x) + self.u(h))
            h = (h + 0.3 * f * self.a) / (1 + 0.3 * (1 / (1 + self.tau.exp()) + f))
        return h


class RWKVState(NamedTuple):
    shifted: Tensor
    top: Tensor
    bottom: Tensor
    largest: Tensor


class RWKV(Cell):
    """Time mixing of RWKV-4, Peng et al. 2023, without its bonus; the exponents are kept small."""

    def __init__(self):
        super().__init__()
        self.input_size = SIZE
        self.mix = nn.Parameter(torch.rand(3, SIZE))
        self.k, self.v, self.r, self.o = (nn.Linear(SIZE, SIZE, bias=False) for _ in range(4))
        self.decay = nn.Parameter(torch.randn(SIZE))

    def initial_state(self, batch):
        zeros = self.zeros(batch, SIZE)
        return RWKVState(zeros, zeros, zeros, zeros - 1e3)

    def update(self, state, x):
        k, v = (
            f(torch.lerp(state.shifted, x, m))
            for f, m in ((self.k, self.mix[0]), (self.v, self.mix[1]))
        )
        decayed = state.largest - torch.exp(self.decay)
        largest = torch.maximum(decayed, k)
        e, w = torch.exp(decayed - largest), torch.exp(k - largest)
        return RWKVState(x, e * state.top + w * v, e * state.bottom + w, largest)

    def output(self, state, x):
        receptance = torch.sigmoid(self.r(x * self.mix[2]))
        return self.o(receptance * state.top / state.bottom)


CELLS = [
    LayerNormLSTM, PeepholeLSTM, CoupledLSTM, ProjectedLSTM, LiGRU, MGU, IndRNN, MinGRU, SRU,
    LinearAttention, DeltaNet, LRU, CfC, LTC, RWKV,
]  # fmt: skip
