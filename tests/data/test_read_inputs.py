"""Reading without a target, against pandas and against the reading with one."""

import numpy as np
import pandas as pd
import pytest

from recurra.data import InputTable, SequenceTable, column_names, read_inputs, read_sequences
from recurra.errors import DataError
from tests.data.test_read_sequences import ENDINGS, by_pandas, example, swap_the_features, write


def by_us(path, **options):
    table = read_inputs(path, **options)
    return dict(zip(table.sequence_ids, table.sequences, strict=True))


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_what_pandas_groups_and_sorts(ending, tmp_path):
    frame, path = example(), tmp_path / f"t{ending}"
    write(frame, path)

    ours, theirs = by_us(path), by_pandas(frame)

    assert ours.keys() == theirs.keys()
    for name, (features, _) in theirs.items():
        np.testing.assert_array_equal(ours[name], features)
        assert ours[name].dtype == np.float32
    assert column_names(path)[: len(frame.columns)] == tuple(frame.columns)  # pandas adds its index


def test_that_oracle_notices_swapped_features(tmp_path):
    write(swap_the_features(example()), tmp_path / "t.csv")
    theirs = by_pandas(example())["s0"][0]
    assert not np.array_equal(by_us(tmp_path / "t.csv", features=["a", "b"])["s0"], theirs)


def test_it_is_the_reading_with_a_target_without_the_target(tmp_path):
    path = tmp_path / "t.csv"
    write(example(), path)

    bare, learned = read_inputs(path), read_sequences(path, target="label", kind="tag_steps")

    assert type(bare) is InputTable
    assert isinstance(learned, SequenceTable)
    assert bare.sequence_ids == learned.sequence_ids
    assert bare.feature_names == learned.feature_names == ("a", "b")
    assert (bare.sequence_name, bare.time_name) == ("sequence", "time")
    assert bare.inferred[:2] == learned.inferred[:2]
    assert bare.inferred[2] == (
        "Features: a, b (all other columns of numbers). Left out: label (text)."
    )
    for ours, theirs in zip(bare.sequences, learned.sequences, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_features_come_in_the_order_they_are_named_in(tmp_path):
    (tmp_path / "t.csv").write_text("who,when,a,b,c\nx,2,1,2,3\ny,1,4,5,6\nx,1,7,8,9\n")

    found = by_us(tmp_path / "t.csv", features=["c", "a"], sequence="who", time="when")

    assert {name: x.tolist() for name, x in found.items()} == {
        "x": [[9, 7], [3, 1]],
        "y": [[6, 4]],
    }


def test_a_column_that_was_the_target_is_a_feature_like_any_other(tmp_path):
    (tmp_path / "t.csv").write_text("a,target\n1,2\n")
    assert read_inputs(tmp_path / "t.csv").feature_names == ("a", "target")
    assert read_inputs(tmp_path / "t.csv").sequence_ids == ("",)


WRONG = {
    "no file": (None, {}, "t.csv: there is no such file."),
    "no rows": ("a,b\n", {}, "t.csv: there are no rows, only the names of the columns."),
    "a missing feature": (
        "a,bb\n1,2\n",
        {"features": ["a", "bbb"]},
        "t.csv, line 1: there is no column 'bbb'. Did you mean 'bb'? There are: a, bb.",
    ),
    "spaces": (
        "a b\n1 2\n",
        {"features": ["a"]},
        "t.csv, line 1: there is no column 'a'. There are: a b. "
        "Separate values with commas, not spaces.",
    ),
    "a word": (
        "a,b\n1,2\n1,x\n",
        {"features": ["a", "b"]},
        "t.csv, line 3, column 'b': 'x' is not a number. "
        "Correct it, or name the columns to use with features=.",
    ),
    "a part twice": (
        "a,b\n1,2\n",
        {"features": ["a"], "sequence": "a"},
        "t.csv, column 'a': given as sequence= and in features=.",
    ),
    "no numbers": (
        "a,b\nx,y\n",
        {},
        "t.csv: no column of numbers is left for the features. Left out: a (text), b (text).",
    ),
}


@pytest.mark.parametrize(("content", "options", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_table_is_refused_with(tmp_path, monkeypatch, content, options, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        read_inputs("t.csv", **options)
    assert str(caught.value) == message


COMPOSED, COMBINED = (
    "gr\u00f6\u00dfe",
    "gro\u0308\u00dfe",
)  # one word, with an o umlaut in two spellings


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("here", "there"), [(COMPOSED, COMBINED), (COMBINED, COMPOSED)])
def test_a_name_is_found_in_either_spelling_of_its_accents(ending, here, there, tmp_path):
    path = tmp_path / f"t{ending}"
    write(pd.DataFrame({"id": ["a", "a"], here: [1.5, 2.5], "y": [0.5, 0.25]}), path)
    assert column_names(path) == ("id", COMPOSED, "y")
    table = read_inputs(path, features=[there])
    assert (table.feature_names, table.sequences[0].tolist()) == ((COMPOSED,), [[1.5], [2.5]])
    table = read_sequences(path, target=there)
    assert (table.target_name, table.targets[0].tolist()) == (COMPOSED, [1.5, 2.5])


def test_a_value_is_located_in_a_column_with_an_accent(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"{COMBINED}": "p"}}\n', encoding="utf-8")
    with pytest.raises(DataError, match=f"line 1, column '{COMPOSED}': 'p' is text"):
        read_inputs(path, features=[COMBINED])


@pytest.mark.parametrize("column", ["x", "y"])
def test_a_column_that_float32_rounds_away_is_refused_to_learn_from(column, tmp_path):
    table = pd.DataFrame({"id": list("aabb"), "x": [1.5, 2, 3, 4], "y": [1.5, 1.25, 3, 5]})
    table[column] += 1.7e9
    write(table, tmp_path / "t.csv")
    with pytest.raises(DataError, match=f"t.csv, column '{column}': varies by .* around 1.7e") as e:
        read_sequences(tmp_path / "t.csv", target="y")
    assert str(e.value).endswith("which 32-bit floats cannot hold. Subtract 1.7e+09 first.")
    read_inputs(tmp_path / "t.csv")  # a few rows may lie close together
