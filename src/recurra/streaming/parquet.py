"""All states as a Parquet file: a row a key, for other programs to read and other folders to take.

::

    kind            string: "str", "bytes" or "int"
    key             binary: UTF-8, the bytes, or the decimal digits
    last_seen       timestamp, microseconds, UTC
    slot.<name>     a list of fixed size, the numbers of the slot, row-major; one column a slot

The schema's metadata has, under "recurra", whose states they are: format, version, fingerprint, and
name, shape and type of each slot.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.atomic import replacing
from recurra.errors import DataError, MissingExtraError, ModelFileError
from recurra.streaming.container import one_line
from recurra.streaming.keys import Key, decode, encode
from recurra.streaming.store.layout import StoreLayout

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet

__all__ = ["read_parquet", "write_parquet"]

FORMAT = "recurra.states.parquet"
ROWS = 16_384  # written, and held in memory, at a time

Item = tuple[bytes, "bytes | memoryview"]  # an encoded key; microseconds and the bytes of its state


def write_parquet(path: str | os.PathLike[str], layout: StoreLayout, items: Iterable[Item]) -> int:
    """Write states to a file, which is then the new one whole or the former one.

    Args:
        path: where.
        layout: whose states they are.
        items: encoded keys, with the time each was last seen and the bytes of its state.

    Returns:
        How many there were.

    Raises:
        OSError: the file cannot be written.
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    schema = _schema(layout)
    items, count = iter(items), 0
    with replacing(path) as (beside, _), beside.open("xb") as file:
        # A dictionary of numbers would take every NaN for the same one.
        options = {"use_dictionary": ["kind"], "write_page_checksum": True}
        with pq.ParquetWriter(file, schema, **options) as writer:
            while group := list(islice(items, ROWS)):
                count += len(group)
                writer.write_table(pa.table(_columns(group, layout), schema=schema))
        file.flush()
        os.fsync(file.fileno())
    return count


def read_parquet(path: str | os.PathLike[str], layout: StoreLayout) -> Iterator[list[Item]]:
    """Read what `write_parquet` wrote, all of it checked before the first of it is given.

    Args:
        path: the file.
        layout: whose states are wanted.

    Returns:
        The items, in lists.

    Raises:
        StateError: the states were made under another model.
        ModelFileError: the file is truncated, altered, of a newer version or not ours.
        OSError: there is no such file, or it cannot be read.
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    source = str(path)
    with open(path, "rb") as opened:  # noqa: PTH123 - any path
        try:
            file = pq.ParquetFile(opened, page_checksum_verification=True)
            _check_schema(file, layout, source)
            keys: set[bytes] = set()
            for group in _groups(file, layout, source):
                keys.update(key for key, _ in group)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ModelFileError(
                f"{source}: is truncated, damaged or not a Parquet file ({one_line(error)})."
            ) from error
        if len(keys) != file.metadata.num_rows:
            raise ModelFileError(f"{source}: holds two states for one key.")
        yield from _groups(file, layout, source)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError.named("pyarrow", "streams") from error
    return pyarrow, parquet


def _schema(layout: StoreLayout) -> pyarrow.Schema:
    import pyarrow as pa

    fields = [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("key", pa.binary(), nullable=False),
        pa.field("last_seen", pa.timestamp("us", "UTC"), nullable=False),
    ]
    for name, (shape, dtype) in layout.slots.items():
        numbers = pa.list_(pa.field("element", pa.from_numpy_dtype(dtype)), math.prod(shape))
        fields.append(pa.field(f"slot.{name}", numbers, nullable=False))
    return pa.schema(fields, {"recurra": layout.as_json(FORMAT)})


def _columns(items: list[Item], layout: StoreLayout) -> dict[str, pyarrow.Array]:
    import pyarrow as pa

    keys = [decode(key) for key, _ in items]
    table = np.frombuffer(b"".join(value for _, value in items), np.uint8)
    table = table.reshape(len(items), 8 + layout.row_bytes)
    columns = {
        "kind": pa.array([type(key).__name__ for key in keys]),
        "key": pa.array([_as_bytes(key) for key in keys], pa.binary()),
        "last_seen": pa.array(_cut(table, 0, np.dtype("<i8"), 1)).cast(pa.timestamp("us", "UTC")),
    }
    place = 8
    for name, (shape, dtype) in layout.slots.items():
        size = math.prod(shape)
        flat = pa.array(_cut(table, place, dtype, size))
        columns[f"slot.{name}"] = pa.FixedSizeListArray.from_arrays(flat, size)
        place += size * dtype.itemsize
    return columns


def _cut(table: np.ndarray[Any, Any], place: int, dtype: np.dtype[Any], size: int) -> Any:
    """The numbers of all rows that start at a place, one after the other."""
    part = np.ascontiguousarray(table[:, place : place + size * dtype.itemsize])
    return part.view(dtype.newbyteorder("<")).astype(dtype, copy=False).ravel()


def _check_schema(file: parquet.ParquetFile, layout: StoreLayout, source: str) -> None:
    about = (file.schema_arrow.metadata or {}).get(b"recurra")
    if about is None:
        raise ModelFileError(f"{source}: is a Parquet file that recurra did not write.")
    found = StoreLayout.from_json(about, source, FORMAT, ModelFileError)
    found.check_is_of(layout, source, ModelFileError)
    wanted = _schema(layout)
    if [(f.name, f.type) for f in file.schema_arrow] != [(f.name, f.type) for f in wanted]:
        raise ModelFileError(f"{source}: has other columns than the states of its model.")


def _groups(file: parquet.ParquetFile, layout: StoreLayout, source: str) -> Iterator[list[Item]]:
    for batch in file.iter_batches(ROWS):
        if any(column.null_count for column in batch.columns):
            raise ModelFileError(f"{source}: misses a value.")
        yield list(zip(_keys(batch, source), _values(batch, layout), strict=True))


def _keys(batch: pyarrow.RecordBatch, source: str) -> list[bytes]:
    kinds, texts = batch.column("kind").to_pylist(), batch.column("key").to_pylist()
    return [_key(*each, source) for each in zip(kinds, texts, strict=True)]


def _key(kind: str, text: bytes, source: str) -> bytes:
    key: Key
    try:
        key = text.decode() if kind == "str" else int(text) if kind == "int" else text
        if type(key).__name__ != kind or _as_bytes(key) != text:
            raise ValueError("written in another way")
        return encode(key)
    except (ValueError, DataError) as error:
        raise ModelFileError(
            f"{source}: has the key {text[:40]!r} of kind {kind[:40]!r}, which is none."
        ) from error


def _values(batch: pyarrow.RecordBatch, layout: StoreLayout) -> list[memoryview]:
    rows = len(batch)
    table = np.empty((rows, 8 + layout.row_bytes), np.uint8)
    times = np.asarray(batch.column("last_seen").cast("int64"))
    parts = [times.astype("<i8", copy=False)]
    for name, (_, dtype) in layout.slots.items():
        numbers = batch.column(f"slot.{name}").flatten().to_numpy(zero_copy_only=False)
        parts.append(numbers.astype(dtype.newbyteorder("<"), copy=False))
    place = 0
    for part in parts:
        raw = np.ascontiguousarray(part).view(np.uint8).reshape(rows, -1)
        table[:, place : place + raw.shape[1]] = raw
        place += raw.shape[1]
    block, size = table.reshape(-1).data, table.shape[1]
    return [block[at : at + size] for at in range(0, rows * size, size)]


def _as_bytes(key: Key) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()
