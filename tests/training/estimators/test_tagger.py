"""SequenceTagger against scikit-learn's logistic regression, step by step."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import recurra as rc
from recurra.training.estimators import SequenceTagger
from tests.training.estimators.problems import SMALL, ragged, tags_of


def test_over_running_means_it_is_logistic_regression_of_every_step():
    rng, X = np.random.default_rng(0), ragged(50)
    running = [x.cumsum(axis=0) / np.arange(1, len(x) + 1)[:, None] for x in X]
    y = [(m[:, 0] + rng.normal(0, 2, len(m)) > 1).astype(int) for m in running]
    ours = SequenceTagger(
        cell=lambda features, _: rc.cells.Mean(features),
        epochs=150,
        batch_size=50,
        learning_rate=0.1,
        random_state=0,
    )
    theirs = LogisticRegression(C=1e6).fit(np.concatenate(running), np.concatenate(y))
    np.testing.assert_allclose(
        np.concatenate(ours.fit(X, y).predict_proba(X)),
        theirs.predict_proba(np.concatenate(running)),
        atol=0.01,
    )
    memoryless = LogisticRegression(C=1e6).fit(np.concatenate(X), np.concatenate(y))
    assert not np.allclose(
        np.concatenate(ours.predict_proba(X)),
        memoryless.predict_proba(np.concatenate(X)),
        atol=0.05,
    )


def test_every_step_gets_a_label_and_the_score_counts_steps():
    X, new = ragged(60), ragged(30, seed=1)
    tagger = SequenceTagger(**SMALL).fit(X, tags_of(X))
    predicted = tagger.predict(new)
    assert [len(tags) for tags in predicted] == [len(x) for x in new]
    wanted = accuracy_score(np.concatenate(tags_of(new)), np.concatenate(predicted))
    assert tagger.score(new, tags_of(new)) == wanted > 0.85
    probable = tagger.predict_proba(new)[0]
    np.testing.assert_allclose(probable.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(tagger.classes_[probable.argmax(axis=1)], predicted[0])


def test_permuted_labels_give_chance():
    X, new = ragged(60), ragged(60, seed=1)
    rng = np.random.default_rng(0)
    drawn, others = ([rng.choice(["high", "low"], len(x)) for x in data] for data in (X, new))
    assert SequenceTagger(**SMALL).fit(X, drawn).score(new, others) < 0.65


def test_reading_both_ways_sees_what_comes():
    """The label is whether the next value is positive: one direction cannot know."""
    X, new = ragged(60, features=1), ragged(40, seed=1, features=1)

    def label(X):
        return [np.append(x[1:, 0] > 1, False) for x in X]

    both, forward = (
        SequenceTagger(bidirectional=b, **SMALL).fit(X, label(X)) for b in (True, False)
    )
    assert both.score(new, label(new)) > 0.9 > 0.75 > forward.score(new, label(new))
