"""Reading goes on where it stopped."""

import json
import os

import pyarrow as pa
import pyarrow.parquet
import pytest

from recurra.data import EventReader
from recurra.errors import DataError
from tests.data.events.reading import TYPED, Event, events_in, read, rejects_in, typed


def written(path, rows):
    """The same events in any format."""
    if path.suffix in (".parquet", ".arrow", ".arrows"):
        return typed(path, pa.table({"x": [x for x, _ in rows], "who": [who for _, who in rows]}))
    if path.suffix == ".csv":
        text = "x,who\n" + "".join(f'{x},"{who}"\n' for x, who in rows)
    else:
        text = "".join(json.dumps({"x": x, "who": who}) + "\n" for x, who in rows)
    path.write_text(text.removesuffix("\n"))
    return path


EVERY_FORMAT = [*TYPED, "e.csv", "e.jsonl"]


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_reading_goes_on_after_any_batch_as_if_it_had_not_stopped(tmp_path, name):
    rows = [(x / 7, f"who\n{x % 3}" if x % 4 else "w") for x in range(20)]
    if name == "e.csv":
        rows[2:4] = [("oh", "a"), (1, "b")]
    path = written(tmp_path / name, rows)
    options = {"key": "who", "max_batch": 3}
    whole = read(path, **options)

    for stopped in range(len(whole)):
        with EventReader(path, **options) as reader:
            batch = [batch for _, batch in zip(range(stopped + 1), reader, strict=False)][-1]
            kept = json.loads(json.dumps(reader.bookmark(batch.position)))
        rest = read(path, start=kept, **options)
        assert events_in(rest) == events_in(whole[stopped + 1 :])
        assert rejects_in(rest) == rejects_in(whole[stopped + 1 :])


@pytest.mark.parametrize("name", ["e.arrows", "e.csv", "e.jsonl"])
def test_reading_goes_on_in_a_pipe_that_brings_the_same_again(tmp_path, name, monkeypatch):
    path = written(tmp_path / name, [(x / 7, "w") for x in range(20)])

    def again(data, **options):
        read_end, write_end = os.pipe()
        os.write(write_end, data)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as source:
            reader = EventReader(source, key="who", max_batch=4, **options)
            return reader, list(reader)

    reader, whole = again(path.read_bytes())
    kept = reader.bookmark(whole[2].position)
    _, rest = again(path.read_bytes(), start=kept)

    assert events_in(rest) == events_in(whole[3:])
    if name != "e.arrows":
        with pytest.raises(DataError, match=r"its first 1[23] lines differ"):
            again(path.read_bytes().replace(b"0.1", b"0.2"), start=kept)


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_going_on_in_another_file_is_refused(tmp_path, name):
    path = written(tmp_path / name, [(x / 7, "w") for x in range(20)])
    with EventReader(path, key="who", max_batch=6) as reader:
        kept = reader.bookmark(list(reader)[1].position)

    written(path, [(x / 7 if x > 3 else 9.0, "w") for x in range(20)])

    with pytest.raises(DataError, match="is not the input that was left in the middle"):
        EventReader(path, key="who", start=kept)


@pytest.mark.parametrize("name", ["e.csv", "e.jsonl"])
def test_a_file_that_has_grown_is_gone_on_with(tmp_path, name):
    rows = [(x / 7, "w") for x in range(20)]
    path = written(tmp_path / name, rows)
    with EventReader(path, key="who") as reader:
        (batch,) = (batch for batch in reader if len(batch))
        kept = reader.bookmark(batch.position)
    assert read(path, key="who", start=kept) == []

    with path.open("a") as file:
        file.write("\n" + written(tmp_path / f"more {name}", rows[:2]).read_text())

    number = 22 if name == "e.jsonl" else 24  # with two headers
    lines = [e.line for e in events_in(read(path, key="who", start=kept, columns=["x"]))]
    assert lines[-1] == number


def test_a_file_whose_beginning_another_program_took_is_gone_on_with_at_the_right_place(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("".join(f"{n}\n" for n in range(100)))
    with path.open("rb", buffering=0) as file:
        file.readline()
        reader = EventReader(file, max_batch=10)
        first = next(iter(reader))
        kept = reader.bookmark(first.position)
    assert first.values.ravel().tolist() == [*range(1, 11)]

    assert events_in(read(path, start=kept))[0] == Event(11, [11], None)


def test_a_last_line_that_has_grown_is_refused(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("1\n2")
    with EventReader(path) as reader:
        kept = reader.bookmark(list(reader)[-1].position)
    path.write_text("1\n23\n")

    with pytest.raises(DataError, match="line 2: has grown since it was answered"):
        read(path, start=kept)
