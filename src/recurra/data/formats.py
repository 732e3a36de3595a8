"""Which format a table file has, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from recurra.data.arrow_source import ipc_source, parquet_source
from recurra.data.csv_source import CsvSource
from recurra.data.jsonl_source import JsonLinesSource
from recurra.data.source import Source
from recurra.errors import DataError

FORMATS: Mapping[str, Callable[[Path], Source]] = MappingProxyType(
    {
        ".csv": CsvSource,
        ".csv.gz": CsvSource,
        ".jsonl": JsonLinesSource,
        ".jsonl.gz": JsonLinesSource,
        ".ndjson": JsonLinesSource,
        ".parquet": parquet_source,
        ".arrow": ipc_source,
        ".feather": ipc_source,
    }
)


def open_table(path: Path) -> Source:
    """Open a table file as its name's ending says."""
    endings = path.suffixes[-1:]
    if endings and endings[0].lower() == ".gz":
        endings = path.suffixes[-2:]
    ending = "".join(endings).lower()
    if not path.exists():
        raise DataError(f"{path}: there is no such file.")
    if not path.is_file():
        raise DataError(f"{path}: not a file.")
    if ending not in FORMATS:
        raise DataError(f"{path}: unknown ending {ending!r}, wanted one of {', '.join(FORMATS)}.")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty.")
        return FORMATS[ending](path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error
