"""Products: weights with vectors, and the matrices that a state may hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from recurra.program.ops.op import Array, Attributes, Op, Type

if TYPE_CHECKING:
    from recurra.program.builder import Builder

__all__ = ["OPS"]


def _matrix_vector_type(types: Sequence[Type], attributes: Attributes) -> Type:
    matrix, vector = types
    if matrix.kind != "float" or len(matrix.shape) < 2:
        raise ValueError(f"takes a matrix of floats first, not {matrix}")
    *heads, rows, columns = matrix.shape
    if _is_transposed(attributes):
        rows, columns = columns, rows
    wanted = Type("float", (*heads, columns))
    if vector != wanted:
        raise ValueError(f"takes {wanted} for its matrix {matrix}, not {vector}")
    return Type("float", (*heads, rows))


def _is_transposed(attributes: Attributes) -> bool:
    transposed = attributes["transposed"]
    if not isinstance(transposed, bool):
        raise ValueError(f"takes true or false for transposed, not {transposed!r}")
    return transposed


def _matrix_vector(arrays: Sequence[Array], attributes: Attributes) -> Array:
    matrix, vector = arrays
    letters = "...ji,...j->...i" if attributes["transposed"] else "...ij,...j->...i"
    result: Array = np.einsum(letters, matrix, vector)
    return result


def _matrix_vector_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Sequence[int | None]:
    matrix, vector = inputs
    transposed = attributes["transposed"]
    pair = (vector, grad) if transposed else (grad, vector)
    return [
        b.op("outer", *pair),
        b.op("matvec", matrix, grad, transposed=not transposed),
    ]


def _added_type(types: Sequence[Type], attributes: Attributes) -> Type:
    term, *factors = types
    product = _matrix_vector_type(factors, attributes)
    if term != product:
        raise ValueError(f"takes a term {product} to add to, not {term}")
    return product


def _added_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Sequence[int | None]:
    return [grad, *_matrix_vector_gradient(b, inputs[1:], output, grad, attributes)]


def _outer_type(types: Sequence[Type], _: Attributes) -> Type:
    one, other = types
    for given in types:
        if given.kind != "float" or not given.shape:
            raise ValueError(f"takes two vectors of floats, not {given}")
    if one.shape[:-1] != other.shape[:-1]:
        raise ValueError(f"takes vectors of the same heads, not {one} and {other}")
    return Type("float", (*one.shape, other.shape[-1]))


def _outer_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Sequence[int | None]:
    one, other = inputs
    return [
        b.op("matvec", grad, other, transposed=False),
        b.op("matvec", grad, one, transposed=True),
    ]


OPS = [
    Op(
        "matvec",
        2,
        _matrix_vector_type,
        _matrix_vector,
        _matrix_vector_gradient,
        "a matrix, a weight's or a state's, times a vector; transposed: its transpose; axes before "
        "those are heads, each with a matrix and a vector of its own",
        ("transposed",),
    ),
    Op(
        "addmatvec",
        3,
        _added_type,
        lambda arrays, attributes: arrays[0] + _matrix_vector(arrays[1:], attributes),
        _added_gradient,
        "a vector, plus a matrix times a vector added to it term by term",
        ("transposed",),
    ),
    Op(
        "outer",
        2,
        _outer_type,
        lambda arrays, _: arrays[0][..., :, None] * arrays[1][..., None, :],
        _outer_gradient,
        "the matrix of all products of two vectors' elements, for every head that comes before",
    ),
]
