"""What an op is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from numpy.typing import NDArray

if TYPE_CHECKING:
    from recurra.program.builder import Builder

__all__ = ["Array", "Attributes", "Kind", "Op", "Type", "VectorJacobian", "same_type"]

Array = NDArray[Any]
Attributes = Mapping[str, Any]
Kind = Literal["float", "bool", "index"]


class Type(NamedTuple):
    """What one row of a value is; the batch axis is never part of it."""

    kind: Kind
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind}[{', '.join(map(str, self.shape))}]"


TypeRule = Callable[[Sequence[Type], Attributes], Type]
Meaning = Callable[[Sequence[Array], Attributes], Array]
# (builder, inputs, output, gradient of the output, attributes) -> gradient of each input or None
VectorJacobian = Callable[["Builder", Sequence[int], int, int, Attributes], Sequence["int | None"]]


@dataclass(frozen=True)
class Op:
    """One op of the closed set.

    Attributes:
        name: how programs call it.
        arity: how many inputs it takes; None is one or more.
        type_rule: the type of the result; raises ValueError with the reason where inputs or
            attributes are not what the op takes.
        meaning: the result in numpy, float64. Arrays come with a leading axis of rows, of length 1
            where a value is the same for all rows.
        vector_jacobian: the gradients of the inputs, written in the same ops.
        attributes: the names of its attributes, all of them required.
        doc: what it computes, in one line.
    """

    name: str
    arity: int | None
    type_rule: TypeRule
    meaning: Meaning
    vector_jacobian: VectorJacobian
    doc: str
    attributes: tuple[str, ...] = field(default=())


def same_type(types: Sequence[Type], attributes: Attributes) -> Type:
    """The rule of pointwise ops on floats: all inputs of one shape, and so the result.

    >>> same_type([Type("float", (3,)), Type("float", (3,))], {})
    Type(kind='float', shape=(3,))
    """
    for given in types:
        if given.kind != "float":
            raise ValueError(f"takes floats, not {given}")
        if given.shape != types[0].shape:
            raise ValueError(f"takes one shape, not {types[0]} and {given}")
    return types[0]
