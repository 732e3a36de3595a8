"""States as a Parquet file; pyarrow alone is the oracle of what the file holds."""

import datetime
import json
import random
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from recurra.engine import Slot
from recurra.errors import MissingExtraError, ModelFileError, StateError
from recurra.streaming import parquet
from recurra.streaming.keys import encode
from recurra.streaming.parquet import read_parquet, write_parquet
from recurra.streaming.store import StoreLayout

SLOTS = {
    "0.h": Slot((3,), np.dtype("float32")),
    "0.c": Slot((2, 2), np.dtype("float64")),
    "1.seen": Slot((5,), np.dtype("bool")),
    "1.count": Slot((), np.dtype("int64")),
}
LAYOUT = StoreLayout("f" * 64, SLOTS)
KEYS = ["pump-7", "", "é\n\0", b"", b"\xff\0", b"pump-7", 0, 7, -(2**63), 2**63 - 1, "x" * 70_000]


def state_of(draw):
    return {
        "0.h": draw.normal(size=3).astype(np.float32),
        "0.c": draw.normal(size=(2, 2)),
        "1.seen": draw.random(5) < 0.5,
        "1.count": np.array(draw.integers(1 << 60)),
    }


@pytest.fixture
def states():
    draw = np.random.default_rng(0)
    return {key: (1_700_000_000_000_000 + k, state_of(draw)) for k, key in enumerate(KEYS)}


def items_of(states):
    return [
        (encode(key), seen.to_bytes(8, "little") + b"".join(s.tobytes() for s in state.values()))
        for key, (seen, state) in states.items()
    ]


def together(groups):
    return [(key, bytes(value)) for group in groups for key, value in group]


@pytest.fixture
def file(tmp_path, states):
    write_parquet(tmp_path / "states.parquet", LAYOUT, items_of(states))
    return tmp_path / "states.parquet"


def test_what_is_written_comes_back(file, states):
    assert together(read_parquet(file, LAYOUT)) == items_of(states)


def test_others_read_it_as_a_table(file, states):
    table = pq.read_table(file)

    assert table.column_names == ["kind", "key", "last_seen", *(f"slot.{name}" for name in SLOTS)]
    for row, (key, (seen, state)) in zip(table.to_pylist(), states.items(), strict=True):
        text = key if isinstance(key, bytes) else str(key).encode()
        assert (row["kind"], row["key"]) == (type(key).__name__, text)
        assert row["last_seen"].timestamp() == pytest.approx(seen / 1e6, abs=1e-5)
        assert row["last_seen"].tzinfo is not None
        for name, slot in state.items():
            np.testing.assert_array_equal(row[f"slot.{name}"], slot.ravel())
    about = json.loads(table.schema.metadata[b"recurra"])
    assert (about["fingerprint"], about["version"]) == ("f" * 64, 1)
    assert about["slots"][1] == ["0.c", [2, 2], "float64"]


def test_times_before_1970_and_no_states_at_all_come_back(tmp_path):
    layout = StoreLayout("f" * 64, {})
    items = [(b"sa", (-5).to_bytes(8, "little", signed=True))]
    assert write_parquet(tmp_path / "one", layout, items) == 1
    assert together(read_parquet(tmp_path / "one", layout)) == items
    (row,) = pq.read_table(tmp_path / "one").to_pylist()
    assert row["last_seen"].year == 1969

    assert write_parquet(tmp_path / "none", LAYOUT, []) == 0
    assert together(read_parquet(tmp_path / "none", LAYOUT)) == []


def test_every_bit_of_a_number_comes_back(tmp_path):
    layout = StoreLayout("f" * 64, {"h": Slot((4,), np.dtype("float32"))})
    bits = np.array([[0x7FC00000, 0x7FC00001, 0xFFC00000, 0x80000000], [0, 1, 0x7F800000, 2]])
    items = [(b"s%d" % k, bytes(8) + row.astype("<u4").tobytes()) for k, row in enumerate(bits)]
    write_parquet(tmp_path / "odd", layout, items)

    assert together(read_parquet(tmp_path / "odd", layout)) == items


def test_it_is_written_and_read_in_groups(tmp_path, states, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS", 4)
    given = []

    def one_by_one():
        for item in items_of(states):
            given.append(item)
            yield item

    write_parquet(tmp_path / "states", LAYOUT, one_by_one())

    assert pq.ParquetFile(tmp_path / "states").num_row_groups == 3
    assert [len(group) for group in read_parquet(tmp_path / "states", LAYOUT)] == [4, 4, 3]


def test_a_write_that_fails_leaves_the_former_file(file, states):
    before = file.read_bytes()

    def failing():
        yield items_of(states)[0]
        raise RuntimeError("the source fails")

    with pytest.raises(RuntimeError):
        write_parquet(file, LAYOUT, failing())

    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_states_of_another_model_are_refused(file):
    with pytest.raises(StateError, match="made under another model"):
        next(read_parquet(file, LAYOUT._replace(fingerprint="e" * 64)))
    with pytest.raises(ModelFileError, match="other slots than its model has"):
        next(read_parquet(file, LAYOUT._replace(slots={"0.h": SLOTS["0.h"]})))


def test_truncated_and_altered_files_are_refused_or_give_the_same_states(file, states):
    data, wanted = file.read_bytes(), items_of(states)
    draw = random.Random(0)
    refused = 0
    for k in range(300):
        altered = bytearray(data)
        if k % 3:
            altered[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        else:
            del altered[draw.randrange(len(data)) :]
        file.write_bytes(altered)
        given = []
        try:
            for group in read_parquet(file, LAYOUT):
                given += group
        except (ModelFileError, StateError):
            refused += 1
            assert given == []  # nothing was given before everything was checked
        else:
            assert together([given]) == wanted

    assert refused > 200


def rewritten(file, **columns):
    table = pq.read_table(file)
    for name, values in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(
            at, table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )
    pq.write_table(table, file)


@pytest.mark.parametrize(
    ("kind", "key", "message"),
    [
        ("str", b"\xff", "has the key .* of kind 'str', which is none"),
        ("float", b"1.5", "of kind 'float'"),
        ("int", b"1_0", "of kind 'int'"),
        ("int", b"9223372036854775808", "of kind 'int'"),
        ("str", b"pump-7", "two states for one key"),
    ],
)
def test_keys_that_are_none_or_come_twice_are_refused(file, kind, key, message):
    table = pq.read_table(file)
    rewritten(
        file,
        kind=[*table["kind"].to_pylist()[:-1], kind],
        key=[*table["key"].to_pylist()[:-1], key],
    )

    with pytest.raises(ModelFileError, match=message):
        next(read_parquet(file, LAYOUT))


def test_files_that_are_not_ours_are_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text").write_text("hello")

    with pytest.raises(ModelFileError, match="a Parquet file that recurra did not write"):
        next(read_parquet(tmp_path / "other.parquet", LAYOUT))
    with pytest.raises(ModelFileError, match="truncated, damaged or not a Parquet file"):
        next(read_parquet(tmp_path / "text", LAYOUT))
    with pytest.raises(FileNotFoundError):
        next(read_parquet(tmp_path / "nothing", LAYOUT))


def test_other_columns_and_missing_values_are_refused(file):
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["slot.0.c"]), file)
    with pytest.raises(ModelFileError, match="other columns"):
        next(read_parquet(file, LAYOUT))

    nothing = pa.nulls(len(table), table.schema.field("last_seen").type)
    at = table.column_names.index("last_seen")
    field = table.schema.field("last_seen").with_nullable(True)
    pq.write_table(table.set_column(at, field, nothing), file)
    with pytest.raises(ModelFileError, match="misses a value"):
        next(read_parquet(file, LAYOUT))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r'pip install "recurra\[streams\]"'):
        write_parquet(tmp_path / "states", LAYOUT, [])


def test_a_time_is_the_one_that_a_calendar_says(file):
    first = pq.read_table(file)["last_seen"][0].as_py()

    assert first == datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=first.tzinfo)
