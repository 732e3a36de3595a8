"""Programs run on numpy arrays by the compiled engine, with nothing between."""

from typing import NamedTuple

import numpy as np

from recurra.engine import _native
from recurra.engine.native import Call, Compiled, Gradients


class Given(NamedTuple):
    """A run: arrays in the order of the program's inputs."""

    x: np.ndarray  # (batch, time, ...)
    states: list[np.ndarray]
    weights: list[np.ndarray]
    lengths: np.ndarray | None = None
    reset: np.ndarray | None = None


class Found(NamedTuple):
    y: np.ndarray
    finals: list[np.ndarray]
    gradients: tuple[np.ndarray, ...] = ()  # of x, states and weights

    def bits(self):
        return [each.tobytes() for each in (self.y, *self.finals, *self.gradients)]


def compiled_of(program, dtype, isa=""):
    return Compiled(program, np.dtype(dtype).name, isa)


def drawn(compiled, batch, time, seed=0):
    """Random input for a program."""
    draw = np.random.default_rng(seed)
    dtype = np.dtype(compiled.dtype)

    def normal(*shape):
        return draw.normal(size=shape).astype(dtype)

    (x,) = compiled.xs
    if x.type.kind == "index":
        event = draw.integers(0, 6, size=(batch, time))
    else:
        event = normal(batch, time, *x.type.shape)
    states = [normal(batch, *each.type.shape) for each in compiled.states]
    weights = [0.5 * normal(*each.type.shape) for each in compiled.weights]
    return Given(event, states, weights)


def run(compiled, given, *, threads=1, train=False):
    """Answers and final states; with `train` the gradients of a fixed function of them too."""
    batch, time = given.x.shape[:2]
    dtype = np.dtype(compiled.dtype)
    (answer,) = compiled.ys
    size = compiled.program.types()[answer.value].shape[0]
    y = np.full((batch, time, size), 9, dtype)
    finals = [np.full_like(state, 9) for state in given.states]
    starts = [np.full_like(state, 0.25) for state in given.states]
    kept = np.empty(compiled.residual_bytes(batch, time) + 1 if train else 0, np.uint8)
    call = Call(
        batch,
        time,
        [_strided(given.x)],
        [],
        [_at(each) for each in given.states],
        [_at(each) for each in given.weights],
        [_strided(y)],
        [_at(each) for each in finals],
        starts=[_at(each) for each in starts],
        lengths=0 if given.lengths is None else _at(given.lengths),
        reset=0 if given.reset is None else _at(given.reset),
        residuals=_at(kept) if train else 0,
    )
    before = _native.threads()
    _native.set_threads(threads)
    try:
        compiled.forward(call)
        gradients = _backward(compiled, call, given, y, finals) if train else ()
    finally:
        _native.set_threads(before)
    return Found(y, finals, gradients)


def weighting(y):
    """The gradient of the fixed function with respect to answers; to final states it is 0.5."""
    return np.cos(np.arange(y.size, dtype=np.float64)).reshape(y.shape).astype(y.dtype)


def _backward(compiled, call, given, y, finals):
    dtype = np.dtype(compiled.dtype)
    of_y = weighting(y)
    of_finals = [np.full_like(each, 0.5) for each in finals]
    features = given.x.dtype.kind == "f"
    of_x = np.full(given.x.shape, 7, dtype)
    made = [np.full_like(each, 7) for each in (*given.states, *given.weights)]
    count = len(given.states)
    compiled.backward(
        call,
        Gradients(
            [_strided(of_y)],
            [_at(each) for each in of_finals],
            [_strided(of_x) if features else None],
            [_at(each) for each in made[count:]],
            [_at(each) for each in made[:count]],
            [0] * count,
        ),
    )
    return (of_x, *made) if features else tuple(made)


def rows_of(given, rows):
    """Some rows of a run."""
    return Given(
        np.ascontiguousarray(given.x[rows]),
        [np.ascontiguousarray(each[rows]) for each in given.states],
        given.weights,
        None if given.lengths is None else given.lengths[rows],
        None if given.reset is None else np.ascontiguousarray(given.reset[rows]),
    )


def _at(array):
    assert array.flags.c_contiguous
    return array.ctypes.data


def _strided(array):
    time = array.shape[1]
    width = int(np.prod(array.shape[2:], dtype=int))
    return _at(array), time * width, width
