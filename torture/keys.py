"""A million keys in a store; and a hundred thousand new ones a minute, each for a minute."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import recurra as rc

__all__ = ["a_million", "short_lived"]


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call()
    return round(time.perf_counter() - began, 2), result


def a_million(model: rc.Model, folder: Path, count: int = 1_000_000) -> dict[str, Any]:
    """Made, opened, checked, exported, imported and compacted."""
    keys = np.random.default_rng(0).permutation(count)
    xs = np.random.default_rng(1).normal(size=(count, model.input_size)).astype(np.float32)
    took: dict[str, Any] = {"keys": count}

    def make() -> None:
        with model.streams(folder / "states", commit_every=None, max_keys=100_000) as streams:
            for at in range(0, count, 20_000):
                streams.step(keys[at : at + 20_000], xs[at : at + 20_000])
                streams.commit()

    took["made"], _ = _timed(make)
    took["file_mib"] = (folder / "states" / "data.mdb").stat().st_size >> 20
    took["opened"], streams = _timed(lambda: model.streams(folder / "states", commit_every=None))
    some = np.arange(0, count, max(1, count // 50))
    order = np.argsort(keys)
    stream = model.stream()
    with streams:
        for key in some.tolist():
            stream.reset()
            stream.step(xs[order[key]])
            for name, slot in stream.state.items():
                assert streams.state(key)[name].tobytes() == slot.tobytes(), f"{key}: {name}"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took["exported"], exported = _timed(lambda: streams.export(folder / "states.parquet"))
        assert exported == count
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        took["memory_to_export_mib"] = grown >> 10
    with model.streams(folder / "others", commit_every=None, max_keys=100_000) as others:
        took["imported"], imported = _timed(lambda: others.import_(folder / "states.parquet"))
        assert imported == count
    return took


def short_lived(model: rc.Model, folder: Path, minutes: int = 20) -> dict[str, Any]:
    """100,000 new keys a minute with a minute to live, on a clock of our own.

    Raises:
        AssertionError: keys stay that have expired, or the file grows on and on.
    """
    a_minute, batch, now, place = 100_000, 2_000, 0.0, 0
    xs = np.ones((batch, model.input_size), np.float32)
    lengths, sizes = [], []
    with model.streams(
        folder / "states", commit_every=None, max_keys=20_000, ttl=60, clock=lambda: now
    ) as streams:
        for _ in range(minutes):
            for _ in range(a_minute // batch):
                streams.step(np.arange(place, place + batch), xs)
                streams.commit()
                place += batch
                now += 60 * batch / a_minute
            lengths.append(len(streams._store))
            sizes.append((folder / "states" / "data.mdb").stat().st_size)
    half = len(sizes) // 2
    assert max(lengths) < 4 * a_minute, f"{max(lengths)} keys are in the store"
    assert max(sizes[half:]) <= 1.2 * max(sizes[:half]), f"the file grows: {sizes}"
    return {"keys": place, "most_in_store": max(lengths), "file_mib": max(sizes) >> 20}
