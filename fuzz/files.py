"""What must hold for any bytes that are offered as a model file, a snapshot or a file of states."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from recurra.errors import MissingExtraError, ModelFileError, StateError
from recurra.streaming import Model, load, save
from recurra.streaming.statefile import pack_states, unpack_states

if TYPE_CHECKING:
    from recurra.layers import Layer

MOST_NUMBERS = 5_000  # of a state and of x and y
STEPS = 4
KEYS = ["", "pump-7"]

T = TypeVar("T")


@cache
def scratch() -> Path:
    """A folder for as long as the process lives."""
    _kept.append(tempfile.TemporaryDirectory())
    return Path(_kept[-1].name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def files_of(layer: Layer) -> dict[str, bytes]:
    """The files that a layer gives: its model, and states of it in every layout."""
    save(layer, scratch() / "seed")
    model = load(scratch() / "seed")
    stream = model.stream()
    stream.steps(events(model))
    return {
        "model": (scratch() / "seed").read_bytes(),
        "snapshot": stream.snapshot(),
        "states": pack_states(model, dict.fromkeys(KEYS, stream.state)),
        "table": table_of(model),
    }


def table_of(model: Model) -> bytes:
    """States by key as a Parquet file."""
    with model.streams(clock=lambda: 1e9) as streams:
        streams.step(["pump-7", b"pump", 7, "pump-7"], events(model))
        streams.export(scratch() / "seed")
    return (scratch() / "seed").read_bytes()


def check(data: bytes, models: Iterable[Model]) -> bool:
    """As a model, and as states of each of some models. True if it was taken as one of them."""
    found = [check_model(data)]
    for model in models:
        found += [each(data, model) for each in (check_snapshot, check_states, check_table)]
    return any(found)


def events(model: Model) -> np.ndarray:
    random = np.random.default_rng(0)
    if model.takes_indices:
        return random.integers(
            0, 1 if model._engine.indices is None else model._engine.indices, STEPS
        )
    return random.normal(size=(STEPS, model.input_size or 1)).astype(model.dtype)


def taken(read: Callable[[], T], *refusals: type[Exception]) -> T | None:
    """What was read; None where it was refused, which takes one line."""
    try:
        return read()
    except refusals as error:
        told = str(error)
    assert told
    assert "\n" not in told
    assert len(told) < 2000
    return None


def check_model(data: bytes) -> bool:
    """It is refused, or it is a model that runs. True if it was taken."""
    path = scratch() / "offered"
    path.write_bytes(data)
    model = taken(lambda: load(path), ModelFileError, MissingExtraError)
    if model is None:
        return False
    model.describe()
    if is_tiny(model):
        run(model)
    return True


def is_tiny(model: Model) -> bool:
    numbers = sum(int(np.prod(slot.shape)) for slot in model.slots.values())
    return numbers + (model.input_size or 1) + (model.output_size or 1) <= MOST_NUMBERS


def run(model: Model) -> None:
    """Whole and step by step are the same bits, and a snapshot goes on with them."""
    x = events(model)
    if model._engine.indices == 0:
        return
    whole, end = model.run(x)
    stream = model.stream()
    first = stream.steps(x[:2])
    again = model.stream()
    again.restore(stream.snapshot())
    rest = np.stack([again.step(event) for event in x[2:]])
    if not np.isnan(whole).any():  # which NaN it is, nobody promises
        assert np.concatenate([first, rest]).tobytes() == whole.tobytes()
        assert all(
            np.array_equal(slot, end[name], equal_nan=True) for name, slot in again.state.items()
        )


def check_snapshot(data: bytes, model: Model) -> bool:
    """It is refused and leaves the stream as it was, or it is taken. True if it was taken."""
    stream = model.stream()
    stream.steps(events(model))
    before = stream.snapshot()
    if taken(lambda: not stream.restore(data), ModelFileError, StateError) is None:
        assert stream.snapshot() == before
        return False
    stream.steps(events(model))
    return True


def check_states(data: bytes, model: Model) -> bool:
    """It is refused, or the states can be packed and read again. True if it was taken."""
    states = taken(lambda: unpack_states(model, data, "the file"), ModelFileError, StateError)
    if states is None:
        return False
    again = unpack_states(model, pack_states(model, states), "the file")
    assert list(again) == list(states)
    return True


def check_table(data: bytes, model: Model) -> bool:
    """It is refused and no key is there, or all of its states are. True if it was taken."""
    path = scratch() / "table"
    path.write_bytes(data)
    with model.streams(clock=lambda: 1e9) as streams:
        count = taken(lambda: streams.import_(path), ModelFileError, StateError)
        assert len(streams) == (count or 0)
    return count is not None
