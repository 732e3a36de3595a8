"""Fits the polynomials of kernels/math_*.h and prints kernels/math_coefficients.h.

Each is the polynomial of least greatest weighted error on an interval (50 digits). Its lowest
coefficients are rounded to the element type one after the other, and the rest fitted anew after
each rounding, so that it makes up for what the rounding lost.

    python native/tools/fit_coefficients.py > native/kernels/math_coefficients.h

Needs mpmath and numpy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mpmath as mp
import numpy as np

mp.mp.dps = 60
GRID = 160
LAWSON_ROUNDS = 12
ROUNDED_ONE_BY_ONE = 4
TWO_OVER_PI_WORDS = 20

Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Target:
    """Approximate `value` on [low, high] so that |error| * weight is small everywhere."""

    name: str
    meaning: str
    value: Function
    weight: Function
    low: float
    high: float
    degrees: dict[str, int]  # element type -> degree


def _exp_rest(r: mp.mpf) -> mp.mpf:
    return mp.fsum(r**k / mp.factorial(k + 2) for k in range(40))


def _log_rest(f: mp.mpf) -> mp.mpf:
    """(log(1 + f) - f + f^2/2) / f^3."""
    if abs(f) < 0.05:
        return mp.fsum((-f) ** k / (k + 3) for k in range(60))
    return (mp.log(1 + f) - f + f * f / 2) / f**3


def _log1p_rest(e: mp.mpf) -> mp.mpf:
    """(log(1 + e) - e) / e^2."""
    if abs(e) < 0.05:
        return mp.fsum((-1) ** (k + 1) * e**k / (k + 2) for k in range(60))
    return (mp.log(1 + e) - e) / e**2


def _atanh_rest(z: mp.mpf) -> mp.mpf:
    """2 atanh(s) = 2 s + s z A(z), where z = s^2."""
    return mp.fsum(2 * z**k / (2 * k + 3) for k in range(120))


def _atanh_second_rest(z: mp.mpf) -> mp.mpf:
    """2 atanh(s) = 2 s + 2/3 s^3 + s^5 B(z), where z = s^2."""
    return mp.fsum(2 * z**k / (2 * k + 5) for k in range(120))


def _half_expm1_rest(r: mp.mpf) -> mp.mpf:
    """(exp(2 r) - 1)/2 = r + r^2 P(r)."""
    return mp.fsum(2 * (2 * r) ** k / mp.factorial(k + 2) for k in range(40))


def _sin_rest(z: mp.mpf) -> mp.mpf:
    """sin(r) = r + r^3 S(z), where z = r^2."""
    return mp.fsum((-1) ** (k + 1) * z**k / mp.factorial(2 * k + 3) for k in range(30))


def _cos_rest(z: mp.mpf) -> mp.mpf:
    """cos(r) = 1 - r^2/2 + r^4 C(z), where z = r^2."""
    return mp.fsum((-1) ** k * z**k / mp.factorial(2 * k + 4) for k in range(30))


def _erf_rest(z: mp.mpf) -> mp.mpf:
    """erf(x) = x + x E(z), where z = x^2."""
    series = mp.fsum((-1) ** k * z**k / (mp.factorial(k) * (2 * k + 1)) for k in range(50))
    return 2 / mp.sqrt(mp.pi) * series - 1


def _normal_rest(z: mp.mpf) -> mp.mpf:
    """erf(x / sqrt 2) / 2 = x G(z), where z = x^2."""
    series = mp.fsum((-z / 2) ** k / (mp.factorial(k) * (2 * k + 1)) for k in range(50))
    return series / mp.sqrt(2 * mp.pi)


TAIL_PIVOT = 4.25


def _tail_of_ratio(q: mp.mpf) -> mp.mpf:
    """exp(a^2/2) erfc(a / sqrt 2) / 2 (a + pivot), where q = (a - pivot) / (a + pivot)."""
    a = TAIL_PIVOT * (1 + q) / (1 - q)
    return mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2 * (a + TAIL_PIVOT)


def _ratio(a: float) -> float:
    return (a - TAIL_PIVOT) / (a + TAIL_PIVOT)


SUMS = [
    ("Ln2", mp.ln(2), ("float", "double"), 2),
    ("HalfPi", mp.pi / 2, ("double",), 3),
    ("TwoThirds", mp.mpf(2) / 3, ("double",), 2),
]

HALF_LN2 = 0.3466 + 0.0004
SQRT_HALF_S = 0.17158
QUARTER_PI = 0.7854 + 0.0003

TARGETS = [
    Target("ExpRest", "exp(r) = 1 + r + r^2 P(r), |r| <= ln(2)/2", _exp_rest,
           lambda r: r * r / mp.exp(r), -HALF_LN2, HALF_LN2, {"float": 4, "double": 9}),
    Target("LogRest", "log(1 + f) = f - f^2/2 + f^3 P(f), -1/3 <= f <= 1/3", _log_rest,
           lambda f: f * f, -0.33334, 0.33334, {"float": 8}),
    Target("Log1pRest", "log(1 + e) = e + e^2 P(e), 0 <= e <= 1", _log1p_rest,
           lambda e: e * e / mp.log1p(e) if e else mp.mpf(0), 0.0, 1.0, {"float": 9}),
    Target("AtanhRest", "log((1 + s)/(1 - s)) = 2 s + s z P(z), z = s^2 <= 0.0295", _atanh_rest,
           lambda z: z / 2, 0.0, SQRT_HALF_S**2, {"double": 6}),
    Target("AtanhWideRest", "the same for z <= 1/9", _atanh_rest,
           lambda z: z / 2, 0.0, 0.11112, {"double": 10}),
    Target("AtanhSecondRest", "log((1 + s)/(1 - s)) = 2 s + 2/3 s^3 + s^5 P(z), z = s^2 <= 0.0295",
           _atanh_second_rest, lambda z: z * z / 2, 0.0, SQRT_HALF_S**2, {"double": 7}),
    Target("HalfExpm1Rest", "(exp(2 r) - 1)/2 = r + r^2 P(r), |r| <= ln(2)/4", _half_expm1_rest,
           abs, -HALF_LN2 / 2, HALF_LN2 / 2, {"float": 4, "double": 10}),
    Target("SinRest", "sin(r) = r + r^3 P(z), z = r^2, |r| <= pi/4", _sin_rest,
           lambda z: z, 0.0, QUARTER_PI**2, {"double": 5}),
    Target("CosRest", "cos(r) = 1 - z/2 + z^2 P(z), z = r^2, |r| <= pi/4", _cos_rest,
           lambda z: z * z, 0.0, QUARTER_PI**2, {"double": 5}),
    Target("ErfRest", "erf(x) = x + x P(z), z = x^2, |x| <= 1", _erf_rest,
           lambda z: mp.mpf(1), 0.0, 1.0, {"float": 6, "double": 12}),
    Target("NormalRest", "erf(x / sqrt 2) / 2 = x P(z), z = x^2, |x| <= 1/2", _normal_rest,
           lambda z: 2 * mp.sqrt(z), 0.0, 0.25, {"float": 3, "double": 8}),
    Target("NormalTail", "exp(a^2/2) erfc(a / sqrt 2) / 2 = P((a - p)/(a + p)) / (a + p)",
           _tail_of_ratio, lambda q: 1 / _tail_of_ratio(q), -1.0, _ratio(39.0),
           {"float": 10, "double": 23}),
]  # fmt: skip


def _grid(low: float, high: float) -> list[mp.mpf]:
    """Chebyshev points with both ends."""
    middle, half = (mp.mpf(high) + low) / 2, (mp.mpf(high) - low) / 2
    return [middle - half * mp.cos(mp.pi * k / (GRID - 1)) for k in range(GRID)]


def _powers(x: mp.mpf, first: int, last: int) -> list[mp.mpf]:
    return [x**k for k in range(first, last + 1)]


def _value_at(coefficients: list[mp.mpf], x: mp.mpf) -> mp.mpf:
    total = mp.mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def _least_greatest(
    xs: list[mp.mpf], ys: list[mp.mpf], ws: list[mp.mpf], first: int, last: int
) -> list[mp.mpf]:
    """Coefficients of x^first ... x^last whose weighted sum is nearest to ys where it is farthest.

    Least squares, repeated with more weight where the error is large (Lawson's iteration).
    """
    basis = np.array([_powers(x, first, last) for x in xs], dtype=object)
    wanted, scale = np.array(ys, dtype=object), np.array(ws, dtype=object) ** 2
    emphasis = np.array([mp.mpf(1) / len(xs)] * len(xs), dtype=object)
    best, least = [mp.mpf(0)] * (last - first + 1), mp.inf
    for _ in range(LAWSON_ROUNDS):
        weighted = basis.T * (scale * emphasis)
        solution = mp.lu_solve(mp.matrix(weighted @ basis), mp.matrix(weighted @ wanted))
        errors = abs(basis @ np.array(list(solution), dtype=object) - wanted) * np.array(ws)
        if max(errors) < least:
            best, least = list(solution), max(errors)
        emphasis = emphasis * (errors + mp.mpf(10) ** -40)
        emphasis = emphasis / sum(emphasis)
    return best


def _rounded(x: mp.mpf, element: str) -> mp.mpf:
    if element == "double":
        return mp.mpf(float(x))
    return mp.mpf(float(np.float32(mp.nstr(x, 30))))


def _fit(target: Target, element: str) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients, lowest first, and the greatest weighted error."""
    degree = target.degrees[element]
    xs = _grid(target.low, target.high)
    ys = [target.value(x) for x in xs]
    ws = [target.weight(x) for x in xs]
    done: list[mp.mpf] = []
    while len(done) <= degree:
        rest = [y - _value_at(done, x) for x, y in zip(xs, ys, strict=True)]
        found = _least_greatest(xs, rest, ws, len(done), degree)
        settled = found[:1] if len(done) < ROUNDED_ONE_BY_ONE else found
        done += [_rounded(c, element) for c in settled]
    worst = max(abs(_value_at(done, x) - y) * w for x, y, w in zip(xs, ys, ws, strict=True))
    return done, worst


def _literal(x: mp.mpf, element: str) -> str:
    if element == "float":
        return f"{np.float32(float(x))!s}f"
    return repr(float(x))


def _lines_of(target: Target) -> Iterator[str]:
    yield f"// {target.meaning}"
    yield "template <class T>"
    yield f"struct {target.name};"
    for element in target.degrees:
        coefficients, worst = _fit(target, element)
        yield "template <>"
        error = f"greatest error 2^{float(mp.log(worst, 2)):.1f}"
        yield f"struct {target.name}<{element}> {{  // {error}"
        yield f"  static constexpr {element} c[] = {{"
        yield from (f"      {_literal(c, element)}," for c in coefficients)
        yield "  };"
        yield "};"
    yield ""


def _two_over_pi_lines() -> Iterator[str]:
    """64 zero bits, then the bits of 2/pi after the point."""
    mp.mp.dps = 600
    fraction = 2 / mp.pi
    yield "// 64 zero bits, then the bits of 2/pi after the point."
    yield "constexpr std::uint64_t kTwoOverPi[] = {"
    yield "    0x0000000000000000u,"
    for _ in range(TWO_OVER_PI_WORDS - 1):
        fraction *= mp.mpf(2) ** 64
        word = int(mp.floor(fraction))
        fraction -= word
        yield f"    0x{word:016x}u,"
    yield "};"


def _parts(x: mp.mpf, element: str, count: int) -> list[str]:
    """Return x as a sum of `count` numbers of the element type."""
    found = []
    for _ in range(count):
        part = _rounded(x, element)
        found.append(_literal(part, element))
        x -= part
    return found


def _head() -> Iterator[str]:
    yield "// Made by native/tools/fit_coefficients.py; change that, not this."
    yield "#pragma once"
    yield ""
    yield '#include "simd/simd.h"'
    yield ""
    yield "namespace recurra::RECURRA_ISA {"
    yield ""
    for name, x, elements, count in SUMS:
        yield f"// {name} as a sum, largest part first."
        yield "template <class T>"
        yield f"struct {name};"
        for element in elements:
            yield "template <>"
            yield f"struct {name}<{element}> {{"
            yield f"  static constexpr {element} c[] = {{"
            yield from (f"      {part}," for part in _parts(x, element, count))
            yield "  };"
            yield "};"
        yield ""


def _main() -> None:
    out = [*_head()]
    for target in TARGETS:
        print(target.name, file=sys.stderr)
        out += _lines_of(target)
    out += _two_over_pi_lines()
    out += ["", "}  // namespace recurra::RECURRA_ISA"]
    print("\n".join(out))


if __name__ == "__main__":
    _main()
