"""What cannot be used is refused, and the message names where it stands."""

import numpy as np
import pytest

from recurra import DataError, ShapeError
from recurra.training.estimators import SequenceClassifier, SequenceRegressor, SequenceTagger


def with_value(X, value):
    X = [x.copy() for x in X]
    X[3][2, 1] = value
    return X


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_non_finite_value_is_named_by_sequence_time_and_feature(case, value):
    message = rf"{case.kind.__name__}: X\[3\] holds .* at time 2, feature 1"
    with pytest.raises(DataError, match=message):
        case.make().fit(with_value(case.X, value), case.y)
    with pytest.raises(DataError, match=message):
        case.fitted(epochs=1).predict(with_value(case.X, value))


def test_text_in_a_sequence_is_named(case):
    X = [*case.X[:-1], np.array([["a", "b"]])]
    with pytest.raises(DataError, match=r"X\[39\] does not hold numbers only"):
        case.make().fit(X, case.y)


def test_an_empty_sequence_is_named(case):
    X = [*case.X[:-1], np.zeros((0, 2))]
    with pytest.raises(DataError, match=r"X\[39\] has no steps \(shape \(0, 2\)\)"):
        case.make().fit(X, case.y)


def test_no_sequences_are_refused(case):
    with pytest.raises(DataError, match="X holds no sequences"):
        case.make().fit([], [])


def test_sequences_of_other_features_are_named(case):
    X = [*case.X[:-1], np.zeros((4, 3))]
    with pytest.raises(ShapeError, match=r"X\[39\] has 3 features, expected 2, as X\[0\] has"):
        case.make().fit(X, case.y)
    with pytest.raises(ShapeError, match=r"X\[1\] has 3 features, expected 2, as in fit"):
        case.fitted(epochs=1).predict([case.X[0], np.zeros((4, 3))])


ONE_ANSWER = [SequenceClassifier, SequenceRegressor, SequenceTagger]


@pytest.mark.parametrize("kind", ONE_ANSWER)
def test_a_table_is_not_taken_for_sequences(kind):
    with pytest.raises(ShapeError, match=r"X has shape \(5, 2\), expected a list of \(time, feat"):
        kind().fit(np.zeros((5, 2)), np.zeros(5))


@pytest.mark.parametrize("kind", ONE_ANSWER)
def test_a_sequence_without_a_feature_axis_says_how_to_add_it(kind):
    with pytest.raises(ShapeError, match=r"X\[0\] has shape \(5,\).*an array \(time, 1\)"):
        kind().fit([np.zeros(5)], [0])


@pytest.mark.parametrize("kind", ONE_ANSWER)
def test_more_answers_than_sequences_are_refused(kind):
    with pytest.raises(ShapeError, match="y has 3 entries for 2 sequences"):
        kind().fit([np.zeros((1, 1))] * 2, [[0], [1], [1]] if kind is SequenceTagger else [0, 1, 1])


def test_missing_and_single_labels_are_refused():
    X = [np.zeros((1, 1))] * 3
    for missing in (None, np.nan):
        with pytest.raises(DataError, match=r"y\[1\] is (None|nan), expected a label"):
            SequenceClassifier().fit(X, np.array([0, missing, 1], dtype=object))
    with pytest.raises(DataError, match="one class only"):
        SequenceClassifier().fit(X, [7, 7, 7])
    with pytest.raises(ValueError, match="Unknown label type"):
        SequenceClassifier().fit(X, [0.5, 0.7, 0.1])


def test_missing_targets_are_refused():
    X = [np.zeros((1, 1))] * 3
    with pytest.raises(DataError, match=r"y\[2\] is nan"):
        SequenceRegressor().fit(X, [0.5, 0.7, np.nan])


def test_tags_of_another_length_are_named():
    X = [np.zeros((2, 1)), np.zeros((3, 1))]
    with pytest.raises(ShapeError, match=r"y\[1\] has shape \(2,\), expected \(3,\)"):
        SequenceTagger().fit(X, [[0, 1], [0, 1]])
