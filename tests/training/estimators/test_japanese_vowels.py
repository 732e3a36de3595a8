"""Real recordings, briefly; examples/japanese_vowels.py measures the full training."""

import numpy as np
import pytest

from recurra.training.estimators import SequenceClassifier

pytest.importorskip("aeon")


@pytest.fixture(scope="module")
def vowels():
    from recurra.data import japanese_vowels

    return japanese_vowels()


def short(**parameters):
    return SequenceClassifier(epochs=12, learning_rate=0.01, random_state=0, **parameters)


def test_a_short_training_tells_most_speakers(vowels):
    classifier = short().fit(vowels.train.sequences, vowels.train.labels)
    assert classifier.score(vowels.test.sequences, vowels.test.labels) > 0.9


def test_speakers_named_at_random_are_not_told(vowels):
    names = np.random.default_rng(0).permutation(vowels.train.labels)
    classifier = short().set_params(epochs=3).fit(vowels.train.sequences, names)
    assert classifier.score(vowels.test.sequences, vowels.test.labels) < 0.3
