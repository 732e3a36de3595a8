"""Nine men talk at once, and one state each keeps them apart.

    python examples/speakers.py

A GRU learns who is speaking from recordings of /ae/. Then the nine test speakers say theirs all
together: frames arrive mixed, in an order that nobody chose, and `Streams` gives each speaker a
state of his own and steps all of them as one batch. Every answer has the bits that it has when the
recording is run by itself.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import recurra as rc
from recurra.data import Labelled, japanese_vowels
from recurra.training import SequenceClassifier


class Frame(NamedTuple):
    """What one microphone gives at one moment."""

    speaker: str
    recording: int
    first: bool  # of its recording
    x: NDArray[np.float64]  # (feature,)


def main() -> None:
    """Train, listen to all at once, compare."""
    data = japanese_vowels()
    classifier = SequenceClassifier(random_state=0)
    classifier.fit(data.train.sequences, data.train.labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speaker.recurra"
        rc.save(classifier.model_, path)
        model = rc.load(path)

    started = time.perf_counter()
    answers, batches = listen(model, data.test)
    seconds = time.perf_counter() - started
    frames = sum(len(each) for each in answers.values())
    print(
        f"{frames} frames of {len(answers)} recordings by {len(data.class_names)} speakers, mixed"
    )
    print(f"stepped in {batches} batches of up to {len(data.class_names)} keys in {seconds:.2f} s")

    alone = [model.run(recording)[0] for recording in data.test.sequences]
    differ = sum(answers[k].tobytes() != y.tobytes() for k, y in enumerate(alone))
    said = [classifier.classes_[answers[k][-1].argmax()] for k in range(len(answers))]
    right = np.mean(np.array(said) == data.test.labels)
    print(f"{differ} of {len(alone)} answers differ by a bit from the recording run by itself")
    print(f"{right:.2%} of the recordings are given to the right speaker")


def listen(model: rc.Model, test: Labelled) -> tuple[dict[int, NDArray[np.float32]], int]:
    """All answers by recording, and how many batches it took."""
    answers: dict[int, list[NDArray[np.float32]]] = {}
    batches = 0
    with model.streams() as streams:
        for batch in mixed(test):
            streams.reset([frame.speaker for frame in batch if frame.first])
            ys = streams.step([frame.speaker for frame in batch], [frame.x for frame in batch])
            for frame, y in zip(batch, ys, strict=True):
                answers.setdefault(frame.recording, []).append(y)
            batches += 1
    return {recording: np.stack(ys) for recording, ys in answers.items()}, batches


def mixed(test: Labelled) -> Iterator[list[Frame]]:
    """At each moment those speakers who happen to talk give their next frame, in any order."""
    talking = {label: frames_of(test, label) for label in sorted(set(test.labels))}
    draw = random.Random(0)
    while talking:
        batch = []
        for speaker in draw.sample(sorted(talking), len(talking)):
            if draw.random() < 0.3:  # he takes a breath
                continue
            frame = next(talking[speaker], None)
            if frame is None:
                del talking[speaker]
            else:
                batch.append(frame)
        if batch:
            yield batch


def frames_of(test: Labelled, speaker: str) -> Iterator[Frame]:
    """Everything that one speaker says, recording after recording."""
    for recording, (x, label) in enumerate(zip(test.sequences, test.labels, strict=True)):
        if label == speaker:
            for place, values in enumerate(x):
                yield Frame(str(speaker), recording, place == 0, values)


if __name__ == "__main__":
    main()
