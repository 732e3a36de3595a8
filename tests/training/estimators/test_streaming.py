"""A saved estimator's model, fed step by step, gives what predict gave."""

import numpy as np
import pytest

import recurra as rc
from recurra.training.estimators import Forecaster, SequenceRegressor, SequenceTagger
from tests.training.estimators.problems import PROBLEMS, SMALL, ragged


def streamed(estimator, X, path):
    """The answers of the saved model at every step of each sequence."""
    rc.save(estimator.model_, path)
    stream = rc.load(path).stream()
    found = []
    for x in X:
        stream.reset()
        found.append(np.stack([stream.step(event) for event in x]))
    return found


@pytest.mark.parametrize("options", [{"pooling": "last"}, {"pooling": "mean"}], ids=str)
@pytest.mark.parametrize("kind", [k for k in PROBLEMS if "pooling" in k().get_params()])
def test_the_last_answer_of_a_sequence_is_its_prediction(kind, options, tmp_path):
    X = ragged(30)
    ours = kind(**options, recurrent_dropout=0.1, **SMALL).fit(X, PROBLEMS[kind](X))
    last = np.stack([y[-1] for y in streamed(ours, X, tmp_path / "model.recurra")])
    if kind is SequenceRegressor:
        np.testing.assert_allclose(last[:, 0], ours.predict(X), rtol=1e-4, atol=1e-4)
    else:
        probable = np.exp(last) / np.exp(last).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probable, ours.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("targets", [None, [1]])
@pytest.mark.parametrize("difference", [True, False])
def test_every_answer_of_a_forecaster_is_its_forecast(difference, targets, tmp_path):
    X = ragged(20)
    ours = Forecaster(difference=difference, targets=targets, **SMALL).fit(X)
    answers = streamed(ours, X, tmp_path / "model.recurra")
    for got, wanted in zip(answers, ours.predict_each(X), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
    shift = [
        got[:-1] - wanted[1:] for got, wanted in zip(answers, ours.predict_each(X), strict=True)
    ]
    assert np.abs(np.concatenate(shift)).max() > 1e-2


def test_every_answer_of_a_tagger_is_its_label(tmp_path):
    X = ragged(20)
    ours = SequenceTagger(**SMALL).fit(X, PROBLEMS[SequenceTagger](X))
    for got, wanted in zip(
        streamed(ours, X, tmp_path / "model.recurra"), ours.predict(X), strict=True
    ):
        np.testing.assert_array_equal(ours.classes_[got.argmax(axis=1)], wanted)
