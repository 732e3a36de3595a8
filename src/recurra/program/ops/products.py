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
    if matrix.kind != "float" or len(matrix.shape) != 2:
        raise ValueError(f"takes a matrix of floats first, not {matrix}")
    rows, columns = _oriented(matrix.shape, attributes)
    if vector != Type("float", (columns,)):
        raise ValueError(f"takes float[{columns}] for its matrix {matrix}, not {vector}")
    return Type("float", (rows,))


def _oriented(shape: tuple[int, ...], attributes: Attributes) -> tuple[int, int]:
    transposed = attributes["transposed"]
    if not isinstance(transposed, bool):
        raise ValueError(f"takes true or false for transposed, not {transposed!r}")
    rows, columns = shape
    return (columns, rows) if transposed else (rows, columns)


def _matrix_vector(arrays: Sequence[Array], attributes: Attributes) -> Array:
    matrix, vector = arrays
    letters = "bji,bj->bi" if attributes["transposed"] else "bij,bj->bi"
    # einsum does not broadcast an axis of length 1 that has a letter.
    rows = np.broadcast_shapes(matrix.shape[:1], vector.shape[:1])
    result: Array = np.einsum(
        letters,
        np.broadcast_to(matrix, rows + matrix.shape[1:]),
        np.broadcast_to(vector, rows + vector.shape[1:]),
    )
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
    for given in types:
        if given.kind != "float" or len(given.shape) != 1:
            raise ValueError(f"takes two vectors of floats, not {given}")
    return Type("float", types[0].shape + types[1].shape)


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
        "a matrix, a weight's or a state's, times a vector; transposed: its transpose",
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
        lambda arrays, _: arrays[0][:, :, None] * arrays[1][:, None, :],
        _outer_gradient,
        "the matrix of all products of two vectors' elements",
    ),
]
