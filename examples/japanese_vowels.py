"""Who is speaking? Nine men say /ae/, and a GRU tells them apart; then it listens live.

    python examples/japanese_vowels.py

Trains a classifier with its default settings from five random starts, prints the accuracy on the
370 test recordings, then saves the last one and feeds it the same recordings step by step.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

import recurra as rc
from recurra.data import LabelledSequences, japanese_vowels
from recurra.training import SequenceClassifier

SEEDS = range(5)


def main() -> None:
    """Train, test, stream."""
    data = japanese_vowels()
    print(f"{len(data.train.sequences)} recordings to train on, {len(data.test.sequences)} to test")
    scores = []
    for seed in SEEDS:
        started = time.perf_counter()
        classifier = SequenceClassifier(random_state=seed)
        classifier.fit(data.train.sequences, data.train.labels)
        seconds = time.perf_counter() - started
        scores.append(classifier.score(data.test.sequences, data.test.labels))
        print(
            f"seed {seed}: {scores[-1]:.2%} of the test recordings right, {seconds:.1f} s to train"
        )
    print(f"mean over {len(scores)} seeds: {np.mean(scores):.2%}")
    listen(classifier, data)


def listen(classifier: SequenceClassifier, data: LabelledSequences) -> None:
    """Every recording step by step through the saved model, against the whole recordings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speaker.recurra"
        rc.save(classifier.model_, path, notes={"classes": list(data.class_names)})
        model = rc.load(path)
    stream = model.stream()
    differing, largest, steps = 0, 0.0, 0
    wholes = classifier.predict(data.test.sequences)
    for recording, predicted in zip(data.test.sequences, wholes, strict=True):
        stream.reset()
        heard = np.stack([stream.step(x) for x in recording])
        whole, _ = model.run(recording)
        steps += len(heard)
        largest = max(largest, float(np.abs(heard - whole).max()))
        differing += int(classifier.classes_[heard[-1].argmax()] != predicted)
    print(
        f"streamed {steps} steps one by one: {differing} of {len(wholes)} answers differ from the "
        f"whole recordings', largest difference of any output {largest:.1g}"
    )


if __name__ == "__main__":
    main()
