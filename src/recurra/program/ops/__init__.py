"""The closed set of ops that programs are made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from recurra.program.ops import norms, pointwise, products, reductions, views
from recurra.program.ops.op import Array, Attributes, Kind, Op, Type

__all__ = ["OPS", "Array", "Attributes", "Kind", "Op", "Type"]

OPS: Mapping[str, Op] = MappingProxyType(
    {op.name: op for family in (pointwise, products, reductions, norms, views) for op in family.OPS}
)
