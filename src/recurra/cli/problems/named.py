"""Problems from the data sets that come with packages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recurra.cli.problems.problem import Part, Problem
from recurra.cli.problems.split import SHARE
from recurra.data import DATASETS, dataset, japanese_vowels, water_flow
from recurra.data.words import counted

__all__ = ["from_data_set"]


def from_data_set(name: str) -> Problem:
    """The problem that a built-in data set poses.

    Raises:
        DataError: there is none of this name.
        MissingExtraError: the package that carries it is not installed.
    """
    return _PROBLEMS[dataset(name).name]()


def _speakers() -> Problem:
    data = japanese_vowels()
    count = len(data.train.sequences)
    return Problem(
        task="classify_sequences",
        train=Part(data.train.sequences, list(data.train.labels)),
        test=Part(data.test.sequences, list(data.test.labels)),
        sentences=(
            f"Data: {DATASETS['japanese-vowels'].summary}.",
            f"Source: {data.source}.",
            f"Training: {counted(count, 'recording')}.",
            f"Held out: the authors' test set of {len(data.test.sequences)} recordings.",
        ),
        features=data.feature_names,
        classes=data.class_names,
        target="speaker",
        judged=f"{counted(len(data.test.sequences), 'recording')} of the authors' test set",
    )


def _flow() -> Problem:
    data = water_flow()
    x = data.values.astype(np.float32)[:, None]
    cut = len(x) - round(SHARE * len(x))
    hours = np.diff(data.timestamps).astype("timedelta64[s]").astype(int) / 3600
    gaps = hours[hours > 1]
    return Problem(
        task="forecast",
        train=Part([x[:cut]], [x[1:cut, 0]]),
        test=Part([x[:-1]], [x[1:, 0]], judged_from=cut - 1),
        sentences=(
            f"Data: {DATASETS['water-flow'].summary}, of which {len(gaps)} come after a gap of "
            f"{gaps.min():.0f} to {gaps.max():.0f} hours.",
            f"Source: {data.source}.",
            f"Target: the {data.name} one step ahead, in {data.unit}.",
            f"Held out: the last {len(x) - cut} of {len(x)} steps.",
        ),
        features=(data.name,),
        classes=(),
        target=data.name,
        judged=f"the last {len(x) - cut} of {len(x)} steps",
        # Losses and repairs make steps of up to 71 l/s: of all squared steps, twenty of the 1267
        # hold 97 %, and a model that minimised them would learn nothing else.
        settings={"loss": "absolute_error"},
    )


_PROBLEMS: dict[str, Callable[[], Problem]] = {
    "japanese-vowels": _speakers,
    "water-flow": _flow,
}
