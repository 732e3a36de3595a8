"""What cannot be used is refused, and the message names where it stands."""

import numpy as np
import pandas as pd
import pytest

from recurra import DataError, ShapeError
from recurra.training.estimators import (
    Forecaster,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from recurra.training.estimators.whole import hold_out


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


@pytest.mark.parametrize("offset", [1.7e9, -1.7e9])
def test_a_feature_that_float32_rounds_away_is_named(case, offset):
    X = [x + np.array([0, offset]) for x in case.X]
    with pytest.raises(DataError, match=r"feature 1 of X varies by \d.* Subtract -?1.7e\+09 first"):
        case.make().fit(X, case.y)
    case.fitted(epochs=1).predict(
        [x + np.array([0, offset]) for x in case.X]
    )  # one series may be short


def test_constants_and_what_float32_holds_are_taken(case):
    for second in (0.1, 1e9):
        X = [np.column_stack([x[:, 0], np.full(len(x), second)]) for x in case.X]
        case.make(epochs=1).fit(X, case.y)
    case.make(epochs=1).fit([x.astype(np.float32) + np.float32(1e6) for x in case.X], case.y)
    case.make(epochs=1).fit([1e8 + 8 * x.round() for x in case.X], case.y)  # multiples of 8 fit
    case.make(epochs=1).fit([x + 1e5 for x in case.X], case.y)


def test_targets_that_float32_rounds_away_are_named():
    X = [np.full((3, 1), k) for k in range(9)]
    y = np.column_stack([np.arange(9), 1e8 + np.arange(9)])
    with pytest.raises(DataError, match=r"output 1 of y varies by 2.58 around 1e\+08"):
        SequenceRegressor().fit(X, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.ma.masked_less(x, 0), "has masked values"),
        (lambda x: x + 0j, "is of type complex128"),
        (lambda x: x.astype("datetime64[s]"), r"is of type datetime64\[s\]"),
        (lambda x: x.astype(str), "is of type <U32"),
        (lambda x: x.astype(str).astype(object), "holds text"),
        (lambda x: pd.DataFrame(x, columns=["a", "b"]), r"is a DataFrame.*\[names\].to_numpy"),
    ],
    ids=["masked", "complex", "dates", "text", "text objects", "DataFrame"],
)
def test_what_a_cast_would_quietly_change_is_refused(case, change, message):
    with pytest.raises(DataError, match=rf"X\[2\] .*{message}"):
        case.make().fit([*case.X[:2], change(case.X[2]), *case.X[3:]], case.y)


def test_a_masked_series_without_a_feature_axis_is_refused():
    with pytest.raises(DataError, match="X has masked values"):
        Forecaster().fit(np.ma.masked_less(np.arange(9.0), 3))


def test_missing_targets_of_every_make_are_refused():
    X = [np.zeros((1, 1))] * 3
    masked = np.ma.masked_equal([0, 1, 2], 1)
    with pytest.raises(DataError, match=r"y\[1\] is <NA>, expected a label"):
        SequenceClassifier().fit(X, pd.Series(["a", pd.NA, "b"], dtype="string"))
    with pytest.raises(DataError, match=r"y\[1\] does not hold numbers only"):
        SequenceRegressor().fit(X, pd.Series([1, pd.NA, 2], dtype=object))
    with pytest.raises(DataError, match="y has masked labels"):
        SequenceClassifier().fit(X, masked)
    with pytest.raises(DataError, match="y has masked values"):
        SequenceRegressor().fit(X, masked)


def test_held_out_parts_that_cannot_be_made_are_explained():
    X = [np.zeros((1, 1))] * 10
    for fraction, y in ((0.01, [0, 1] * 5), (0.2, [0] + [1] * 9)):
        classifier = SequenceClassifier(validation_fraction=fraction)
        with pytest.raises(
            DataError, match=r"SequenceClassifier: validation_fraction is 0\..*clas"
        ):
            classifier.fit(X, y)
    with pytest.raises(DataError, match=r"Forecaster: validation_fraction is 0\.1, but no series"):
        Forecaster(patience=2, validation_fraction=0.1).fit(np.arange(10.0))


def test_the_held_out_part_has_every_class_in_its_share():
    classes = np.repeat([0, 1], [80, 20])
    pairs = [(np.zeros((1, 1)), code) for code in classes]
    for seed in range(5):
        _, held_out = hold_out("X", pairs, 0.25, seed, classes)
        assert sorted(code for _, code in held_out) == [0] * 20 + [1] * 5


def test_the_classifier_holds_out_every_class_in_its_share(monkeypatch):
    given = []

    def spy(*arguments):
        given.append(arguments[-1])
        return hold_out(*arguments)

    monkeypatch.setattr("recurra.training.estimators.classifier.hold_out", spy)
    y = ["a", "b"] * 5
    SequenceClassifier(epochs=1, validation_fraction=0.4).fit([np.zeros((1, 1))] * 10, y)
    assert given[0].tolist() == [0, 1] * 5


def test_a_generator_of_series_is_a_list_of_them():
    series = [np.arange(9.0), np.arange(5.0)]
    assert Forecaster(epochs=1).fit(x for x in series).n_features_in_ == 1
    with pytest.raises(ShapeError, match="X is a int, expected a series"):
        Forecaster().fit(3)


def test_known_values_that_are_not_finite_numbers_are_refused():
    x = np.random.default_rng(0).normal(size=(9, 2))
    forecaster = Forecaster(targets=[0], epochs=1).fit(x)
    with pytest.raises(DataError, match="known holds nan, expected finite"):
        forecaster.forecast(x, 3, known=[[1.0], [np.nan]])
    with pytest.raises(DataError, match=r"known does not hold numbers only \(it is of type comp"):
        forecaster.forecast(x, 3, known=[[1.0], [1j]])
