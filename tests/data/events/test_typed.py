"""Parquet files, Arrow files and Arrow streams."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from recurra.data import EventReader
from recurra.errors import DataError
from tests.data.events.reading import TYPED, Event, events_in, read, rejects_in, typed


@pytest.mark.parametrize("name", TYPED)
def test_rows_of_parquet_and_arrow_are_events(tmp_path, name):
    table = pa.table(
        {
            "y": pa.array([1, 2, None, 4, 5, 6, 7], pa.int16()),
            "who": pa.array(["a", "b", "a", None, "", "b", "c"]).dictionary_encode(),
            "x": [0.5, float("nan"), 0.5, 0.5, 0.5, 1e300, 0.25],
        }
    )
    path = typed(tmp_path / name, table)

    for format in (None, "parquet" if "parquet" in name else "arrow"):
        batches = read(path, columns=["x", "y"], key="who", format=format)
        assert events_in(batches) == [Event(1, [0.5, 1], "a"), Event(7, [0.25, 7], "c")]
        assert [(r.line, r.reason) for r in rejects_in(batches)] == [
            (2, "column 'x': NaN is not a finite number."),
            (3, "column 'y': the value is missing."),
            (4, "column 'who': the key is missing."),
            (5, "column 'who': the key is missing."),
            (6, "column 'x': 1e+300 does not fit a 32-bit float."),
        ]
        assert json.loads(rejects_in(batches)[1].text) == {"y": None, "who": "a", "x": 0.5}
        assert json.loads(batches[-1].text(7)) == {"y": 7, "who": "c", "x": 0.25}


def test_an_arrow_stream_comes_through_a_pipe_batch_by_batch(pipe):
    source, sink = pipe
    schema = pa.schema({"x": pa.float32(), "who": pa.int64()})
    with pa.ipc.new_stream(sink, schema) as writer:
        batches = iter(EventReader(source, key="who"))
        for number in range(3):
            writer.write_batch(pa.record_batch([[float(number)], [number]], schema=schema))
            batch = next(batches)
            assert (batch.values.tolist(), batch.keys) == ([[number]], [str(number)])
    sink.close()
    assert list(batches) == []


@pytest.mark.parametrize("name", TYPED)
def test_columns_that_cannot_be_used_are_refused(tmp_path, name):
    path = typed(tmp_path / name, pa.table({"x": ["1"], "who": [0.5]}))

    for options, message in (
        ({}, "column 'x': is string, not numbers."),
        ({"columns": ["z"]}, "there is no column 'z'. There are: x, who."),
        (
            {"columns": [], "key": "who"},
            "column 'who': is double. A key is text or a whole number.",
        ),
        ({"width": 3}, "the columns are 2 features (x, who), wanted 3."),
    ):
        with pytest.raises(DataError) as caught:
            read(path, **options)
        assert str(caught.value).startswith(str(path))
        assert str(caught.value).endswith(message)


@pytest.mark.parametrize("name", TYPED)
def test_a_damaged_file_of_types_is_refused(tmp_path, name):
    path = typed(tmp_path / name, pa.table({"x": np.arange(100.0)}))
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(DataError, match=r"not whole (Parquet|Arrow) \("):
        read(path)


def test_parquet_from_a_pipe_is_refused(pipe):
    source, sink = pipe
    sink.write(b"PAR1 and more")
    with pytest.raises(DataError, match="Parquet cannot be read from a pipe"):
        read(source)
