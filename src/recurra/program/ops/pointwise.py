"""Ops that treat every element by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recurra.program.ops.op import Array, Attributes, Op, Type, same_type

if TYPE_CHECKING:
    from recurra.program.builder import Builder

__all__ = ["OPS"]

# The factor by which the output's gradient is multiplied: (builder, x, y) -> value.
Slope = Callable[["Builder", int, int], int]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    # The exponential of a negative number never overflows.
    e = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, e) / (1 + e)
    return y


def _softplus(x: Array) -> Array:
    y: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return y


def _normal_share(x: Array) -> Array:
    y: Array = 0.5 * (1 + _erf(x / math.sqrt(2)))
    return y


def _unary(name: str, function: Callable[[Array], Array], slope: Slope, doc: str) -> Op:
    def gradient(
        b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
    ) -> list[int | None]:
        return [b.op("mul", grad, slope(b, inputs[0], output))]

    return Op(name, 1, same_type, lambda arrays, _: function(arrays[0]), gradient, doc)


def _one_minus_square(b: Builder, _: int, y: int) -> int:
    return b.op("sub", b.like(1, y), b.op("mul", y, y))


def _sigmoid_slope(b: Builder, _: int, y: int) -> int:
    return b.op("mul", y, b.op("sub", b.like(1, y), y))


def _silu_slope(b: Builder, x: int, y: int) -> int:
    s = b.op("sigmoid", x)
    return b.op("add", s, b.op("mul", y, b.op("sub", b.like(1, s), s)))


def _gelu_slope(b: Builder, x: int, _: int) -> int:
    half_square = b.op("mul", b.op("mul", x, x), b.like(-0.5, x))
    density = b.op("mul", b.op("exp", half_square), b.like(1 / math.sqrt(2 * math.pi), x))
    share = b.op("erf", b.op("mul", x, b.like(1 / math.sqrt(2), x)))
    share = b.op("mul", b.op("add", share, b.like(1, x)), b.like(0.5, x))
    return b.op("add", share, b.op("mul", x, density))


def _erf_slope(b: Builder, x: int, _: int) -> int:
    falling = b.op("exp", b.op("neg", b.op("mul", x, x)))
    return b.op("mul", falling, b.like(2 / math.sqrt(math.pi), x))


def _relu_slope(b: Builder, x: int, _: int) -> int:
    return b.op("where", b.op("less", b.like(0, x), x), b.like(1, x), b.like(0, x))


def _rsqrt_slope(b: Builder, _: int, y: int) -> int:
    return b.op("mul", b.op("mul", y, b.op("mul", y, y)), b.like(-0.5, y))


_UNARY = [
    _unary("neg", np.negative, lambda b, x, y: b.like(-1, x), "-x"),
    _unary("exp", np.exp, lambda b, x, y: y, "e to the x"),
    _unary("log", np.log, lambda b, x, y: b.op("div", b.like(1, x), x), "natural logarithm"),
    _unary("tanh", np.tanh, _one_minus_square, "hyperbolic tangent"),
    _unary("sigmoid", _sigmoid, _sigmoid_slope, "1 / (1 + exp(-x))"),
    _unary("softplus", _softplus, lambda b, x, y: b.op("sigmoid", x), "log(1 + exp(x))"),
    _unary("silu", lambda x: x * _sigmoid(x), _silu_slope, "x sigmoid(x)"),
    _unary("gelu", lambda x: x * _normal_share(x), _gelu_slope, "x times the normal law up to x"),
    _unary("erf", _erf, _erf_slope, "error function"),
    _unary("relu", lambda x: np.maximum(x, 0), _relu_slope, "x where positive, else 0"),
    _unary(
        "sqrt",
        np.sqrt,
        lambda b, x, y: b.op("div", b.like(0.5, y), y),
        "square root",
    ),
    _unary("rsqrt", lambda x: 1 / np.sqrt(x), _rsqrt_slope, "1 / sqrt(x)"),
    _unary("abs", np.abs, lambda b, x, y: b.op("sign", x), "absolute value"),
    _unary("sin", np.sin, lambda b, x, y: b.op("cos", x), "sine"),
    _unary("cos", np.cos, lambda b, x, y: b.op("neg", b.op("sin", x)), "cosine"),
    _unary("sign", np.sign, lambda b, x, y: b.like(0, x), "-1, 0 or 1"),
]


# --- two inputs -----------------------------------------------------------------------------------

Gradients = Sequence["int | None"]


def _mul_gradient(
    b: Builder, inputs: Sequence[int], _: int, grad: int, __: Attributes
) -> Gradients:
    one, other = inputs
    return [b.op("mul", grad, other), b.op("mul", grad, one)]


def _div_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    share = b.op("div", grad, inputs[1])
    return [share, b.op("neg", b.op("mul", share, output))]


def _pow_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    base, exponent = inputs
    one_less = b.op("pow", base, b.op("sub", exponent, b.like(1, exponent)))
    # Where the base is 0 the power does not move with the exponent, and log would be infinite.
    zero = b.op("equal", base, b.like(0, base))
    logarithm = b.op("where", zero, b.like(0, base), b.op("log", base))
    return [
        b.op("mul", grad, b.op("mul", exponent, one_less)),
        b.op("mul", grad, b.op("mul", output, logarithm)),
    ]


def _extreme_gradient(first_wins: str) -> Callable[..., Gradients]:
    """All to the winner; halves at a tie, as torch's maximum and minimum do."""

    def gradient(b: Builder, inputs: Sequence[int], _: int, grad: int, __: Attributes) -> Gradients:
        one, other = inputs
        none, half = b.like(0, grad), b.op("mul", grad, b.like(0.5, grad))
        tie = b.op("equal", one, other)
        losing, winning = (other, one) if first_wins == "larger" else (one, other)
        wins = b.op("less", losing, winning)
        to_one = b.op("where", tie, half, b.op("where", wins, grad, none))
        return [to_one, b.op("sub", grad, to_one)]

    return gradient


_BINARY = [
    Op(
        "add",
        2,
        same_type,
        lambda arrays, _: arrays[0] + arrays[1],
        lambda b, inputs, output, grad, _: [grad, grad],
        "x + y",
    ),
    Op(
        "sub",
        2,
        same_type,
        lambda arrays, _: arrays[0] - arrays[1],
        lambda b, inputs, output, grad, _: [grad, b.op("neg", grad)],
        "x - y",
    ),
    Op("mul", 2, same_type, lambda arrays, _: arrays[0] * arrays[1], _mul_gradient, "x y"),
    Op("div", 2, same_type, lambda arrays, _: arrays[0] / arrays[1], _div_gradient, "x / y"),
    Op(
        "pow",
        2,
        same_type,
        lambda arrays, _: np.power(arrays[0], arrays[1]),
        _pow_gradient,
        "x to the y",
    ),
    Op(
        "max",
        2,
        same_type,
        lambda arrays, _: np.maximum(arrays[0], arrays[1]),
        _extreme_gradient("larger"),
        "the larger; NaN if either is",
    ),
    Op(
        "min",
        2,
        same_type,
        lambda arrays, _: np.minimum(arrays[0], arrays[1]),
        _extreme_gradient("smaller"),
        "the smaller; NaN if either is",
    ),
]


# --- a product and a sum at once ------------------------------------------------------------------


def _fused(name: str, sign_of_product: int, sign_of_term: int, doc: str) -> Op:
    """± x y ± z: the engine rounds it once, float64 arithmetic here twice."""

    def meaning(arrays: Sequence[Array], _: Attributes) -> Array:
        x, y, z = arrays
        result: Array = sign_of_product * (x * y) + sign_of_term * z
        return result

    def gradient(b: Builder, inputs: Sequence[int], _: int, grad: int, __: Attributes) -> Gradients:
        x, y, _z = inputs
        through = grad if sign_of_product > 0 else b.op("neg", grad)
        to_term = grad if sign_of_term > 0 else b.op("neg", grad)
        return [b.op("mul", through, y), b.op("mul", through, x), to_term]

    return Op(name, 3, same_type, meaning, gradient, doc)


_FUSED = [
    _fused("fma", 1, 1, "x y + z, rounded once"),
    _fused("fms", 1, -1, "x y - z, rounded once"),
    _fused("fnma", -1, 1, "z - x y, rounded once"),
]


# --- gradients through functions whose value tells their slope ------------------------------------


def _sigmoid_slope_gradient(
    b: Builder, inputs: Sequence[int], _: int, grad: int, __: Attributes
) -> Gradients:
    x, y = inputs
    bend = b.op("sub", b.like(1, y), b.op("add", y, y))
    return [b.op("sigmoid_slope", grad, y), b.op("mul", b.op("mul", grad, x), bend)]


def _tanh_slope_gradient(
    b: Builder, inputs: Sequence[int], _: int, grad: int, __: Attributes
) -> Gradients:
    x, y = inputs
    bend = b.op("mul", y, b.like(-2, y))
    return [b.op("tanh_slope", grad, y), b.op("mul", b.op("mul", grad, x), bend)]


_SLOPES = [
    Op(
        "sigmoid_slope",
        2,
        same_type,
        lambda arrays, _: arrays[0] * (arrays[1] - arrays[1] * arrays[1]),
        _sigmoid_slope_gradient,
        "x (y - y y): a gradient x through y = sigmoid(.)",
    ),
    Op(
        "tanh_slope",
        2,
        same_type,
        lambda arrays, _: arrays[0] * (1 - arrays[1] * arrays[1]),
        _tanh_slope_gradient,
        "x (1 - y y): a gradient x through y = tanh(.)",
    ),
]


# --- comparisons and choice -----------------------------------------------------------------------


def _compared(types: Sequence[Type], attributes: Attributes) -> Type:
    return same_type(types, attributes)._replace(kind="bool")


def _no_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    return [None] * len(inputs)


def _comparison(name: str, function: Callable[[Array, Array], Array], doc: str) -> Op:
    return Op(
        name, 2, _compared, lambda arrays, _: function(arrays[0], arrays[1]), _no_gradient, doc
    )


def _logical(types: Sequence[Type], _: Attributes) -> Type:
    for given in types:
        if given.kind != "bool" or given != types[0]:
            raise ValueError(f"takes booleans of one shape, not {', '.join(map(str, types))}")
    return types[0]


def _chosen(types: Sequence[Type], attributes: Attributes) -> Type:
    condition, *options = types
    result = same_type(options, attributes)
    if condition != result._replace(kind="bool"):
        raise ValueError(f"takes a condition {result._replace(kind='bool')}, not {condition}")
    return result


def _where_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    condition, none = inputs[0], b.like(0, grad)
    return [None, b.op("where", condition, grad, none), b.op("where", condition, none, grad)]


_CHOICE = [
    _comparison("less", np.less, "x < y; false if either is NaN"),
    _comparison("less_equal", np.less_equal, "x <= y; false if either is NaN"),
    _comparison("equal", np.equal, "x = y; false if either is NaN"),
    Op("not", 1, _logical, lambda arrays, _: ~arrays[0], _no_gradient, "true where x is false"),
    Op(
        "and",
        2,
        _logical,
        lambda arrays, _: arrays[0] & arrays[1],
        _no_gradient,
        "true where both are",
    ),
    Op(
        "detach",
        1,
        same_type,
        lambda arrays, _: arrays[0],
        _no_gradient,
        "x itself, through which no gradient goes",
    ),
    Op(
        "where",
        3,
        _chosen,
        lambda arrays, _: np.where(arrays[0], arrays[1], arrays[2]),
        _where_gradient,
        "y where the condition is true, else z; what is not chosen has no part in the result",
    ),
]

OPS = [*_UNARY, *_BINARY, *_FUSED, *_SLOPES, *_CHOICE]
