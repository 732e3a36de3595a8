"""What torch.nn's recurrent layers compute in one step, as programs."""

from __future__ import annotations

from recurra.program import Builder, Program

__all__ = ["step_program"]


def step_program(
    mode: str, features: int, gates: int, size: int, inside: int | None, bias: bool
) -> Program:
    """One step of one layer in one direction.

    Args:
        mode: as torch.nn calls it: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        features: of x.
        gates: rows of the weights: units times gates.
        size: of h.
        inside: of c, where an LSTM's h is projected (Sak et al. 2014); None where it is not.
        bias: whether there is one.

    Returns:
        Inputs: x, h, an LSTM's c, the weights ih, hh, bias, hr and a GRU's candidate_bias.

    >>> print(step_program("RNN_TANH", 2, 3, 3, None, True))
    %0 = x x float[2]
    %1 = state h float[3]
    %2 = weight ih float[3, 2]
    %3 = weight hh float[3, 3]
    %4 = weight bias float[3]
    %5 = matvec(%2, %0, transposed=False) float[3]
    %6 = add(%5, %4) float[3]
    %7 = matvec(%3, %1, transposed=False) float[3]
    %8 = add(%6, %7) float[3]
    %9 = tanh(%8) float[3]
    y y = %9
    state h = %9
    """
    b = Builder()
    units = size if inside is None else inside
    x, h = b.input("x", "x", (features,)), b.input("h", "state", (size,))
    c = b.input("c", "state", (units,)) if mode == "LSTM" else -1
    ih, hh = b.input("ih", "weight", (gates, features)), b.input("hh", "weight", (gates, size))
    offset = b.input("bias", "weight", (gates,)) if bias else None
    hr = None if inside is None else b.input("hr", "weight", (size, inside))
    candidate = b.input("candidate_bias", "weight", (units,)) if mode == "GRU" else -1

    drive = b.op("matvec", ih, x, transposed=False)
    drive = drive if offset is None else b.op("add", drive, offset)
    recalled = b.op("matvec", hh, h, transposed=False)
    if mode == "GRU":
        new = _gru(b, drive, recalled, candidate, h)
    elif mode == "LSTM":
        new, c = _lstm(b, b.op("add", drive, recalled), c)
        new = new if hr is None else b.op("matvec", hr, new, transposed=False)
    else:
        new = b.op("relu" if mode == "RNN_RELU" else "tanh", b.op("add", drive, recalled))
    b.output("y", "y", new)
    b.output("h", "state", new)
    if mode == "LSTM":
        b.output("c", "state", c)
    return b.program()


def _lstm(b: Builder, gates: int, c: int) -> tuple[int, int]:
    i, f, u, o = _blocks(b, gates, 4)
    kept = b.op("mul", b.op("sigmoid", f), c)
    c = b.op("add", kept, b.op("mul", b.op("sigmoid", i), b.op("tanh", u)))
    return b.op("mul", b.op("sigmoid", o), b.op("tanh", c)), c


def _gru(b: Builder, drive: int, recalled: int, candidate_bias: int, h: int) -> int:
    drives, recalls = _blocks(b, drive, 3), _blocks(b, recalled, 3)
    r, z = (b.op("sigmoid", b.op("add", drives[k], recalls[k])) for k in (0, 1))
    inner = b.op("mul", r, b.op("add", recalls[2], candidate_bias))
    n = b.op("tanh", b.op("add", drives[2], inner))
    fresh = b.op("mul", b.op("sub", b.like(1, z), z), n)
    return b.op("add", fresh, b.op("mul", z, h))


def _blocks(b: Builder, value: int, count: int) -> list[int]:
    size = b.types[value].shape[0] // count
    return [b.op("slice", value, axis=0, start=k * size, stop=(k + 1) * size) for k in range(count)]
