"""Events as plain values, and files of them."""

import io
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet

from recurra.data import EventReader


class Event(NamedTuple):
    line: int
    values: list[float]
    key: str | None


def read(source, **options):
    """Every batch."""
    with EventReader(source, **options) as reader:
        return list(reader)


def events_in(batches):
    return [
        Event(line, values, key)
        for batch in batches
        for line, values, key in zip(
            batch.lines.tolist(),
            batch.values.tolist(),
            batch.keys or [None] * len(batch),
            strict=True,
        )
    ]


def rejects_in(batches):
    return [reject for batch in batches for reject in batch.rejects]


def told(text, **options):
    batches = read(io.StringIO(text), **options)
    assert rejects_in(batches) == []
    return events_in(batches)


def typed(path, table):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path, row_group_size=3)
    else:
        new = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return path


TYPED = ["e.parquet", "e.arrow", "e.arrows"]
