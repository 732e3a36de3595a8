"""The next hour's flow of water through a pipeline, against "the same as now".

    python examples/water_flow.py

Trains on the first 900 readings, then reads on as a live stream and forecasts each of the other
368 before it comes. The first part holds stretches in which the flow nearly stops (repairs, a
pump), the second does not; so the forecast is the median of what may come, which such jumps do not
pull.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import recurra as rc
from recurra.data import TimedSeries, water_flow
from recurra.training import Forecaster

TRAIN = 900


def inputs(series: TimedSeries) -> NDArray[np.float64]:
    """What is known at each reading, (time, feature).

    The flow, which is forecast; its last change and its level, cut to their usual range so that an
    outage does not drown them; and, on a circle, the hour of day one hour later. A row uses its own
    reading and those before it, nothing after.
    """
    flow = series.values
    later = series.timestamps + np.timedelta64(1, "h")
    angle = 2 * np.pi * ((later - later.astype("datetime64[D]")) / np.timedelta64(1, "D"))
    change = np.clip(np.diff(flow, prepend=flow[0]), -2, 2)
    level = np.clip(flow, 98, 106)
    return np.column_stack([flow, change, np.sin(angle), np.cos(angle), level])


def main() -> None:
    """Train, stream, compare."""
    series = water_flow()
    X, flow = inputs(series), series.values
    forecaster = Forecaster(
        hidden_size=32,
        epochs=60,
        learning_rate=0.01,
        window=72,
        loss="absolute_error",
        targets=[0],
        random_state=0,
    ).fit(X[:TRAIN])
    forecasts = streamed(forecaster, X)[TRAIN - 1 : -1]
    came, last_value = flow[TRAIN:], flow[TRAIN - 1 : -1]
    print(f"{len(came)} readings forecast one hour ahead, in {series.unit}")
    ours, theirs = errors(forecasts, came), errors(last_value, came)
    for name, (absolute, squared) in {"the same as now": theirs, "Forecaster": ours}.items():
        print(f"  {name:16} MAE {absolute:.3f}   RMSE {squared:.3f}")
    for name, mine, other in zip(("MAE", "RMSE"), ours, theirs, strict=True):
        word = "below" if mine < other else "above"
        print(f"  the Forecaster's {name} is {abs(1 - mine / other):.0%} {word} the other's")


def streamed(forecaster: Forecaster, X: NDArray[np.float64]) -> NDArray[np.float32]:
    """The forecast that the saved model makes at each row, fed one at a time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "water.recurra"
        rc.save(forecaster.model_, path)
        stream = rc.load(path).stream()
    return np.array([stream.step(x)[0] for x in X])


def errors(forecasts: NDArray[np.floating], came: NDArray[np.float64]) -> tuple[float, float]:
    """Mean absolute and root mean squared error."""
    wrong = forecasts - came
    return float(np.abs(wrong).mean()), float(np.sqrt((wrong**2).mean()))


if __name__ == "__main__":
    main()
