"""The next hour's flow of water, by a process that is killed half-way and forgets nothing.

    python examples/water_flow_live.py

Trains a forecaster on the first 900 readings and starts `recurra stream` with a folder for its
state. Then readings go into its standard input one by one, as they come, and each answer is waited
for. In the middle the process is killed, without a warning, and started again on the same folder.
Its forecasts are those of a stream that was never stopped, bit for bit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import recurra as rc
from recurra.data import TimedSeries, water_flow
from recurra.training import Forecaster

TRAIN = 900


def main() -> None:
    """Train, pipe, kill, go on, compare."""
    series = water_flow()
    X, flow = inputs(series), series.values
    forecaster = Forecaster(
        epochs=60, window=72, loss="absolute_error", targets=[0], random_state=0
    ).fit(X[:TRAIN])
    with tempfile.TemporaryDirectory() as folder:
        model, states = Path(folder) / "water.recurra", Path(folder) / "states"
        rc.save(forecaster.model_, model)
        middle = (TRAIN + len(X)) // 2
        answers = list(piped(model, states, X[:middle]))
        print(f"{len(answers)} readings piped in one by one and answered; the process is killed")
        answers += piped(model, states, X[middle:])
        print(f"started again on the same folder: {len(answers)} readings answered")
        uninterrupted = rc.load(model).stream().steps(X)[:, 0]
    forecasts = np.array(answers, np.float32)
    differ = int((forecasts != uninterrupted).sum())
    print(f"{differ} forecasts differ from those of a stream that was never stopped")

    came = flow[TRAIN:]
    wrong = {
        "the same as now": np.abs(flow[TRAIN - 1 : -1] - came).mean(),
        "recurra stream": np.abs(forecasts[TRAIN - 1 : -1] - came).mean(),
    }
    print(f"{len(came)} readings forecast one hour ahead, in {series.unit}")
    for name, error in wrong.items():
        print(f"  {name:16} MAE {error:.3f}")


def inputs(series: TimedSeries) -> NDArray[np.float64]:
    """The flow, its last change, its usual level, and the hour of day on a circle, (time, 5)."""
    flow = series.values
    hours = (series.timestamps - series.timestamps.astype("datetime64[D]")) / np.timedelta64(1, "h")
    angle = 2 * np.pi * (hours + 1) / 24
    change = np.clip(np.diff(flow, prepend=flow[0]), -2, 2)
    return np.column_stack([flow, change, np.clip(flow, 98, 106), np.sin(angle), np.cos(angle)])


def piped(model: Path, states: Path, readings: Iterable[NDArray[np.float64]]) -> Iterator[float]:
    """The answer to each reading from a process that is killed when there are no more."""
    command = ["stream", str(model), "--state", str(states), "--hold", "--commit-every", "batch"]
    process = subprocess.Popen(
        [sys.executable, "-m", "recurra", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        for reading in readings:
            process.stdin.write(json.dumps(reading.tolist()) + "\n")
            process.stdin.flush()
            yield float(process.stdout.readline())  # out when its state is on the disk
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
