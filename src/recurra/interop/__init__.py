"""Weights from and to other libraries."""

from recurra.interop.torch_nn import from_torch, state_from_torch, state_to_torch, to_torch

__all__ = ["from_torch", "state_from_torch", "state_to_torch", "to_torch"]
