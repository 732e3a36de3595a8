"""Torch's random operations, given their numbers by the test."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Handed(TorchDispatchMode):
    """Hands out prepared uniform or normal numbers where torch would draw its own."""

    def __init__(self, arrays):
        super().__init__()
        self.waiting = [torch.from_numpy(array) for array in arrays]

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = str(function)
        if name in ("aten.rand.default", "aten.rand_like.default", "aten.randn_like.default"):
            made = function(*args, **kwargs)
            return self._next(made).to(made.dtype)
        if name == "aten.bernoulli_.float":
            return args[0].copy_(self._next(args[0]) < (args[1] if len(args) > 1 else 0.5))
        if name == "aten.bernoulli.default":
            return (self._next(args[0]) < args[0]).to(args[0].dtype)
        if name == "aten.exponential_.default":
            return args[0].copy_(-torch.log1p(-self._next(args[0])))
        if name == "aten.normal_.default":
            return args[0].copy_(self._next(args[0]) * args[2] + args[1])
        assert torch.Tag.nondeterministic_seeded not in function.tags, name
        return function(*args, **kwargs)

    def _next(self, like):
        found = self.waiting.pop(0)
        assert found.shape == like.shape
        return found
