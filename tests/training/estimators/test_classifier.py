"""SequenceClassifier against scikit-learn's logistic regression, and against chance."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import recurra as rc
from recurra.training.estimators import SequenceClassifier
from tests.training.estimators.problems import SMALL, classes_of, ragged


def mean_cell(input_size, hidden_size):
    """No weights: what is left to learn is the linear layer behind it."""
    return rc.cells.Mean(input_size)


@pytest.fixture(scope="module")
def fitted():
    X = ragged(120)
    return SequenceClassifier(**{**SMALL, "epochs": 20}).fit(X, classes_of(X))


def test_over_means_it_is_logistic_regression():
    rng, X = np.random.default_rng(0), ragged(90)
    means = np.stack([x.mean(axis=0) for x in X])
    y = (means @ [1.0, -0.5] + rng.normal(0, 2, size=90) > 0.5).astype(int)
    ours = SequenceClassifier(
        cell=mean_cell, noise=0, epochs=150, batch_size=90, learning_rate=0.1, random_state=0
    )
    theirs = LogisticRegression(C=1e6).fit(means, y)
    np.testing.assert_allclose(
        ours.fit(X, y).predict_proba(X), theirs.predict_proba(means), atol=0.01
    )
    strong = LogisticRegression(C=1e-2).fit(means, y)  # the oracle tells other weights apart
    assert not np.allclose(ours.predict_proba(X), strong.predict_proba(means), atol=0.05)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_it_learns_what_it_has_not_seen(pooling):
    X, new = ragged(120), ragged(100, seed=1)
    classifier = SequenceClassifier(pooling=pooling, **{**SMALL, "epochs": 20})
    assert classifier.fit(X, classes_of(X)).score(new, classes_of(new)) > 0.85


def test_permuted_labels_give_chance():
    X, new = ragged(120), ragged(100, seed=1)
    rng = np.random.default_rng(0)
    classifier = SequenceClassifier(**SMALL).fit(X, rng.permutation(classes_of(X)))
    assert classifier.score(new, rng.permutation(classes_of(new))) < 0.65


def test_probabilities_sum_to_one_and_the_largest_is_the_answer(fitted):
    new = ragged(50, seed=2)
    probable = fitted.predict_proba(new)
    assert probable.shape == (50, 2)
    np.testing.assert_allclose(probable.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(fitted.classes_[probable.argmax(axis=1)], fitted.predict(new))


def test_the_score_is_scikit_learns_accuracy(fitted):
    new = ragged(50, seed=2)
    assert fitted.score(new, classes_of(new)) == accuracy_score(
        classes_of(new), fitted.predict(new)
    )


def test_classes_are_sorted_and_may_be_anything(fitted):
    assert fitted.classes_.tolist() == ["high", "low"]
    X = ragged(6)
    assert SequenceClassifier(epochs=1).fit(X, [7, -3, 7, 0, 0, 7]).classes_.tolist() == [-3, 0, 7]


def test_with_mean_pooling_the_answer_is_the_mean_over_the_steps():
    X = ragged(20)
    classifier = SequenceClassifier(pooling="mean", **SMALL).fit(X, classes_of(X))
    before_pooling = rc.Stack(*classifier.model_.parts[:-1])
    logits = before_pooling(torch.tensor(X[0], dtype=torch.float32))[0].mean(0).softmax(-1)
    np.testing.assert_allclose(
        classifier.predict_proba(X[:1])[0], logits.detach().numpy(), atol=1e-5
    )


def test_both_directions_need_the_mean():
    X = ragged(20)
    both = SequenceClassifier(bidirectional=True, **SMALL)
    with pytest.raises(ValueError, match=r"at the last step the backward cell has read one"):
        both.fit(X, classes_of(X))
    model = both.set_params(pooling="mean").fit(X, classes_of(X)).model_
    assert any(isinstance(part, rc.Bidirectional) for part in model.parts)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="pooling is 'max', expected 'last' or 'mean'"):
        SequenceClassifier(pooling="max").fit(ragged(2), [0, 1])
