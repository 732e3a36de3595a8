"""Reading, against pandas: another reader, another grouping."""

import gzip
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data import read_sequences
from recurra.errors import DataError, MissingExtraError

ENDINGS = [".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".parquet", ".arrow", ".feather"]


def write(frame: pd.DataFrame, path: Path) -> None:
    name = path.name
    if ".csv" in name:
        frame.to_csv(path, index=False)
    elif name.endswith((".jsonl", ".jsonl.gz", ".ndjson")):
        lines = "".join(json.dumps(row) + "\n" for row in frame.to_dict("records")).encode()
        path.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
    elif name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if name.endswith(".feather"):
            frame.reset_index(drop=True).to_feather(path)
        else:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
                out.write_table(table)


def by_pandas(frame: pd.DataFrame) -> dict[str, tuple[np.ndarray, list]]:
    """Each sequence's features and targets, by its name."""
    return {
        str(name): (
            rows.sort_values("time")[["a", "b"]].to_numpy(np.float32),
            rows.sort_values("time")["label"].tolist(),
        )
        for name, rows in frame.groupby("sequence")
    }


def by_us(path: Path) -> dict[str, tuple[np.ndarray, list]]:
    table = read_sequences(path, target="label", kind="tag_steps")
    names = np.array(table.class_names)
    return {
        name: (features, names[codes].tolist())
        for name, features, codes in zip(
            table.sequence_ids, table.sequences, table.targets, strict=True
        )
    }


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, (features, labels) in theirs.items():
        np.testing.assert_array_equal(ours[name][0], features, err_msg=name)
        assert ours[name][1] == labels, name


def example(seed: int = 0) -> pd.DataFrame:
    """40 rows of 5 sequences, in no order."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "sequence": [f"s{n}" for n in np.arange(40) % 5],
            "time": np.arange(40) // 5,
            "a": rng.normal(size=40),
            "b": rng.normal(size=40),
            "label": rng.permutation(["up", "down"] * 20),
        }
    ).sample(frac=1, random_state=seed)


names = st.text("abcXYZ019 _-é,\"'\n", min_size=1, max_size=4).filter(lambda text: text.strip())
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def frames(draw):
    """Rows in any order; at least two classes; ids that need quoting."""
    lengths = draw(st.dictionaries(names, st.integers(1, 4), min_size=2, max_size=4))
    rows = [
        {
            "sequence": name,
            "time": time,
            "a": draw(numbers),
            "b": draw(numbers),
            "label": draw(st.sampled_from(["up", "down", 'to, "and" fro'])),
        }
        for name, length in lengths.items()
        for time in range(length)
    ]
    rows[0]["label"], rows[-1]["label"] = "up", "down"
    return pd.DataFrame(draw(st.permutations(rows)))


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=20, deadline=None)
@given(frame=frames())
def test_what_was_written_is_read_back(ending, frame):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"table{ending}")
        write(frame, path)
        assert_same(by_us(path), by_pandas(frame))


def swap_rows_of_two_sequences(frame):
    frame = frame.copy()
    frame.loc[0, "sequence"], frame.loc[1, "sequence"] = "s1", "s0"
    return frame


def swap_two_times(frame):
    frame = frame.copy()
    frame.loc[0, "time"], frame.loc[5, "time"] = frame.loc[5, "time"], frame.loc[0, "time"]
    return frame


def swap_the_features(frame):
    return frame.rename(columns={"a": "b", "b": "a"})


def turn_a_label(frame):
    frame = frame.copy()
    frame.loc[0, "label"] = "up" if frame.loc[0, "label"] == "down" else "down"
    return frame


@pytest.mark.parametrize(
    "fault", [swap_rows_of_two_sequences, swap_two_times, swap_the_features, turn_a_label]
)
def test_that_oracle_notices(fault, tmp_path):
    frame = example()
    write(frame, tmp_path / "table.csv")
    assert_same(by_us(tmp_path / "table.csv"), by_pandas(frame))
    with pytest.raises(AssertionError):
        assert_same(by_us(tmp_path / "table.csv"), by_pandas(fault(frame)))


def read(tmp_path, text, name="t.csv", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_sequences(path, **{"target": "y", **options})


def test_sequences_come_in_the_order_of_the_file_and_text_ids_keep_their_spelling(tmp_path):
    table = read(tmp_path, "id,x,y\n007,1,p\n10,2,q\n7,3,p\n007,4,p\n")
    assert table.sequence_ids == ("007", "10", "7")
    assert [each.tolist() for each in table.sequences] == [[[1], [4]], [[2]], [[3]]]
    assert table.targets.tolist() == [0, 1, 0]


def test_it_tells_what_it_inferred(tmp_path):
    text = ",Sequence-ID,step,note,x,w,flag,gap,y\n0,a,0,hm,1,2,true,,p\n1,a,1,so,1,2,true,,p\n"
    table = read(tmp_path, text + "2,b,0,oh,3,4,true,,q\n")
    assert table.inferred == (
        "Sequences: column 'Sequence-ID' (a usual name): 2 sequences of 1 to 2 steps.",
        "Order: the steps are sorted by column 'step' (a usual name).",
        "Features: x, w (all other columns of numbers). "
        "Left out: column 1 (no name), note (text), flag (true or false), gap (empty).",
        "Target: column 'y' holds text: 2 classes (p, q), one for each sequence.",
    )
    assert (table.sequence_name, table.time_name, table.target_name) == ("Sequence-ID", "step", "y")


def test_what_is_given_wins_over_the_usual_names(tmp_path):
    text = "id,time,x,who,tick,y\n1,5,1,a,1,0.5\n2,4,2,a,0,1\n"
    table = read(tmp_path, text, sequence="who", time="tick", features=["time", "x"])
    assert table.sequences[0].tolist() == [[4, 2], [5, 1]]
    assert table.inferred == (
        "Sequences: column 'who' (as given): 1 sequence of 2 steps.",
        "Order: the steps are sorted by column 'tick' (as given).",
        "Features: time, x (as given).",
        "Target: column 'y' holds numbers: one for every step.",
    )


def test_without_the_usual_names_the_file_is_one_sequence_in_its_order(tmp_path):
    table = read(tmp_path, "x,y\n3,1.5\n1,2.5\n2,0.5\n")
    assert table.sequences[0].ravel().tolist() == [3, 1, 2]
    assert table.targets[0].tolist() == [1.5, 2.5, 0.5]
    assert table.inferred[:2] == (
        "Sequences: no column tells them apart, so the file is one sequence of 3 steps.",
        "Order: no time column, so the steps stay in the file's order.",
    )


def test_an_id_that_numbers_the_rows_is_doubted_aloud(tmp_path):
    table = read(tmp_path, "id,x,y\n1,3,p\n2,1,q\n")
    assert table.inferred[0] == (
        "Sequences: column 'id' (a usual name): 2 sequences of 1 step. "
        "If it only numbers the rows, name the column of the sequences with sequence=."
    )


@pytest.mark.parametrize(
    ("labels", "kind", "classes", "targets"),
    [
        ("p p q q", "classify_sequences", ("p", "q"), [0, 1]),
        ("q p q q", "tag_steps", ("p", "q"), [[1, 0], [1, 1]]),
        ("true true False False", "classify_sequences", ("false", "true"), [1, 0]),
        ("10 9 9 10", "tag_steps", ("9", "10"), [[1, 0], [0, 1]]),
        ("1 2 3 4", "regress_steps", (), [[1, 2], [3, 4]]),
        ("7 7 8 8", "regress_sequences", (), [7, 8]),
        ("0.5 0.5 1 1", "regress_sequences", (), [0.5, 1]),
        ("0.5 1 1 1", "regress_steps", (), [[0.5, 1], [1, 1]]),
    ],
)
def test_the_kind_follows_from_the_target(tmp_path, labels, kind, classes, targets):
    rows = zip(["a,0", "a,1", "b,0", "b,1"], labels.split(), strict=True)
    table = read(tmp_path, "id,time,x,y\n" + "".join(f"{row},1,{y}\n" for row, y in rows))
    assert (table.kind, table.class_names) == (kind, classes)
    assert [np.asarray(each).tolist() for each in table.targets] == targets
    first = table.targets[0] if isinstance(table.targets, list) else table.targets
    assert first.dtype == (np.int64 if classes else np.float32)


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        ("classify_sequences", [1, 0]),
        ("tag_steps", [[1, 1], [0, 0]]),
        ("regress_sequences", [8, 7]),
        ("regress_steps", [[8, 8], [7, 7]]),
    ],
)
def test_a_given_kind_overrides(tmp_path, kind, targets):
    table = read(tmp_path, "id,x,y\na,1,8\na,1,8\nb,1,7\nb,1,7\n", kind=kind)
    assert table.kind == kind
    assert [np.asarray(each).tolist() for each in table.targets] == targets
    assert table.inferred[3].startswith(f"Target: column 'y' is read for {kind}, as given: ")


TIMES = {
    "seconds": ["2024-05-01T12:00:00", "2024-05-01T11:59:59", "2023-12-31T00:00:00"],
    "fractions": ["2024-05-01T12:00:00.5", "2024-05-01T12:00:00.25", "2023-12-31T00:00:00.125"],
    "zones": [
        "2024-05-01T12:00:00+02:00",
        "2024-05-01T12:30:00+03:00",
        "2024-05-01T09:00:00+01:00",
    ],
    "days": ["2024-05-01", "2024-04-30", "2023-05-02"],
    "floats": [1e3, 99.5, -3.0],
    "integers": [100, 20, 3],
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_steps_are_sorted_by_the_instant_and_not_by_its_spelling(tmp_path, times, ending):
    frame = pd.DataFrame({"time": times, "x": [2, 1, 0], "y": [2.5, 1.5, 0.5]})
    write(frame, tmp_path / f"t{ending}")
    table = read_sequences(tmp_path / f"t{ending}", target="y")
    assert table.sequences[0].ravel().tolist() == [0, 1, 2]


def test_steps_are_sorted_by_the_clock(tmp_path):
    table = read(tmp_path, "time,x,y\n12:00:00,2,2.5\n10:59:59,0,0.5\n11:00:00,1,1.5\n")
    assert table.sequences[0].ravel().tolist() == [0, 1, 2]


def test_parquets_own_types_are_understood(tmp_path):
    table = pa.table(
        {
            "id": pa.array(["a", "a", "b"]).dictionary_encode(),
            "time": pa.array([2, 1, 1], pa.timestamp("ms", "UTC")),
            "half": pa.array(np.array([1, 2, 3], np.float16)),
            "price": pa.array([1, 2, 3], pa.decimal128(5, 0)),
            "byte": pa.array([1, 2, 3], pa.uint8()),
            "y": pa.array(["p", "p", "q"], pa.large_string()).dictionary_encode(),
        }
    )
    pa.feather.write_feather(table, tmp_path / "t.feather")
    ours = read_sequences(tmp_path / "t.feather", target="y")
    assert ours.feature_names == ("half", "price", "byte")
    assert [each.tolist() for each in ours.sequences] == [[[2] * 3, [1] * 3], [[3] * 3]]
    assert ours.class_names == ("p", "q")


def test_spaces_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    table = read(tmp_path, "\ufeffid, x ,y\r\na, 1,p\r\n\r\nb,+2 ,q\r\n")
    assert table.feature_names == ("x",)
    assert [each.tolist() for each in table.sequences] == [[[1]], [[2]]]


def test_the_row_index_that_pandas_saves_is_no_feature(tmp_path):
    example().to_parquet(tmp_path / "t.parquet")
    table = read_sequences(tmp_path / "t.parquet", target="label")
    assert table.inferred[2] == (
        "Features: a, b (all other columns of numbers). "
        "Left out: __index_level_0__ (pandas' row index)."
    )


def test_a_parquet_file_takes_no_columns_from_its_folders_name(tmp_path):
    folder = tmp_path / "year=2024"
    folder.mkdir()
    write(example(), folder / "t.parquet")
    assert read_sequences(folder / "t.parquet", target="label").feature_names == ("a", "b")


def test_the_ending_is_read_in_either_case(tmp_path):
    assert read(tmp_path, "x,y\n3,1.5\n", "T.CSV").kind == "regress_sequences"


def test_a_missing_pyarrow_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as caught:
        read(tmp_path, "x,y\n3,1.5\n")
    assert str(caught.value) == (
        'pyarrow is not installed. Install it with: pip install "recurra[cli]"'
    )


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="kind is 'tags', wanted one of classify_sequences, tag_ste"
    ):
        read(tmp_path, "x,y\n3,1.5\n", kind="tags")
