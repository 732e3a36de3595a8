"""Real data sets that other packages carry, in recurra's shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.extras import require
from recurra.data.words import missing_name
from recurra.errors import DataError


@dataclass(frozen=True, eq=False)
class Labelled:
    """Sequences of unequal length and one label for each."""

    sequences: list[NDArray[np.float32]]  # each (time, feature)
    labels: NDArray[np.int64]  # (sequence,)  index into class_names


@dataclass(frozen=True, eq=False)
class LabelledSequences:
    """A data set for sequence classification, split by its authors."""

    train: Labelled
    test: Labelled
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    source: str


@dataclass(frozen=True, eq=False)
class TimedSeries:
    """One series of numbers and the instants they were measured at."""

    values: NDArray[np.float64]  # (time,)
    timestamps: NDArray[np.datetime64]  # (time,)  UTC, in seconds
    name: str
    unit: str
    source: str


def japanese_vowels() -> LabelledSequences:
    """Nine men say the Japanese vowels /ae/: who is speaking?

    270 recordings to train on, 370 to test on, 7 to 29 steps of 12 features each. The features are
    the coefficients of a cepstrum from linear prediction.

    Source: M. Kudo, J. Toyama, M. Shimbo, Multidimensional curve classification using
    passing-through regions, Pattern Recognition Letters 20 (1999) 1103-1111. The files are part of
    the package aeon.

    Raises:
        MissingExtraError: aeon is not installed.

    >>> data = japanese_vowels()
    >>> len(data.train.sequences), data.train.sequences[0].shape, data.class_names[0]
    (270, (20, 12), 'speaker 1')
    """
    load = require("aeon.datasets", "data").load_japanese_vowels
    return LabelledSequences(
        train=_labelled(*load(split="train")),
        test=_labelled(*load(split="test")),
        class_names=tuple(f"speaker {number}" for number in range(1, 10)),
        feature_names=tuple(f"cepstrum {number}" for number in range(1, 13)),
        source="Kudo, Toyama and Shimbo 1999, Pattern Recognition Letters 20, 1103-1111",
    )


def _labelled(recordings: list[NDArray[np.float64]], labels: NDArray[np.str_]) -> Labelled:
    """From aeon's (feature, time) and labels '1' to '9'."""
    return Labelled(
        sequences=[np.ascontiguousarray(each.T, dtype=np.float32) for each in recordings],
        labels=labels.astype(np.int64) - 1,
    )


def water_flow() -> TimedSeries:
    """Water through one branch of a pipeline in spring 2022, in litres per second.

    1268 values, an hour apart but for ten gaps of 2 to 32 hours. Losses, repairs and a pump leave
    four unusual stretches in it.

    Source: given by Tecnojest s.r.l. (Italy) to the package river, which carries the file.

    Raises:
        MissingExtraError: river is not installed.

    >>> series = water_flow()
    >>> series.values.shape, series.timestamps[0], float(series.values[0])
    ((1268,), np.datetime64('2022-03-20T10:00:00'), 100.59)
    """
    rows = list(require("river.datasets", "data").WaterFlow())
    instants = [x["Time"].astimezone(timezone.utc).replace(tzinfo=None) for x, _ in rows]
    return TimedSeries(
        values=np.array([value for _, value in rows], dtype=np.float64),
        timestamps=np.array(instants, dtype="datetime64[s]"),
        name="water flow",
        unit="l/s",
        source="Tecnojest s.r.l., in the package river",
    )


@dataclass(frozen=True)
class Dataset:
    """A row of `DATASETS`: a name for the command line and how to get the data."""

    name: str
    summary: str
    load: Callable[[], Any]


DATASETS: MappingProxyType[str, Dataset] = MappingProxyType(
    {
        row.name: row
        for row in (
            Dataset(
                "japanese-vowels",
                "which of nine speakers: 270 + 370 recordings, 12 features, 7 to 29 steps",
                japanese_vowels,
            ),
            Dataset("water-flow", "litres per second in a pipeline: 1268 hours", water_flow),
        )
    }
)


def dataset(name: str) -> Dataset:
    """The row of `DATASETS` with this name.

    Raises:
        DataError: there is none.

    >>> dataset("japanese-vowels").load is japanese_vowels
    True
    """
    if name not in DATASETS:
        raise DataError(missing_name("data set", name, DATASETS))
    return DATASETS[name]
