"""The last act: real recordings, whole and as live streams."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from rich.console import Console

from recurra.data import japanese_vowels
from recurra.streaming import load, save
from recurra.training import SequenceClassifier

__all__ = ["real_recordings"]


def real_recordings(console: Console, path: Path, seed: int, scale: float) -> None:
    """Who is speaking? Nine speakers, 270 recordings to learn from and 370 to be judged by."""
    console.rule("6  Real recordings", align="left")
    data = japanese_vowels()
    console.print(
        f"Japanese vowels, {len(data.class_names)} speakers: {len(data.train.sequences)} "
        f"recordings to learn from, {len(data.test.sequences)} new ones to be judged by "
        f"({data.source})."
    )
    model = SequenceClassifier(
        cell="gru", hidden_size=64, random_state=seed, progress=console.is_terminal
    )
    model.set_params(epochs=max(1, round(model.epochs * scale)))
    started = time.perf_counter()
    model.fit(data.train.sequences, data.train.labels)
    seconds = time.perf_counter() - started
    right = model.score(data.test.sequences, data.test.labels)
    console.print(
        f"A GRU of 64 units, trained for {seconds:.0f} s: {right:.1%} of the new recordings right."
    )
    whole = model.predict(data.test.sequences)
    notes = {
        "features": list(data.feature_names),
        "classes": list(data.class_names),
        "answers": "the speaker, judged by the steps so far",
    }
    save(model.model_, path, notes=notes)
    stream = load(path).stream()
    same = 0
    for recording, answer in zip(data.test.sequences, whole, strict=True):
        stream.reset()
        same += int(np.argmax([stream.step(event) for event in recording][-1]) == answer)
    console.print(
        f"Read from its file and fed one event at a time, it gives the same answers as to whole "
        f"recordings: {same} of {len(whole)}.\n"
    )
