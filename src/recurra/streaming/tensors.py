"""The safetensors layout, read without copying: the header checked, the tensors as views.

The safetensors package hands out copies. A model file is mapped, and what lies in it is looked at
where it lies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ITEM_SIZES", "MAX_HEADER", "RawTensor", "read_layout"]

ITEM_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "F32": 4, "I64": 8, "F64": 8,
}  # fmt: skip
MAX_HEADER = 32 << 20


class RawTensor(NamedTuple):
    """A tensor as it lies in a file."""

    dtype: str  # safetensors' name, such as "F32"
    shape: tuple[int, ...]
    data: bytes | bytearray | memoryview  # little-endian, row-major


def read_layout(data: memoryview) -> tuple[dict[str, str], dict[str, RawTensor]]:
    r"""The metadata of a safetensors file, and its tensors as views of `data`.

    Stricter than safetensors itself in nothing but that every type has whole bytes.

    Raises:
        ValueError: it is no such file; its tensors overlap, leave gaps or have other sizes than
            their types and shapes mean.

    >>> from safetensors.numpy import save
    >>> import numpy as np
    >>> metadata, tensors = read_layout(memoryview(save({"a": np.ones(2, np.uint8)}, {"b": "c"})))
    >>> metadata, tensors["a"].shape, bytes(tensors["a"].data)
    ({'b': 'c'}, (2,), b'\x01\x01')
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER, len(data) - 8):
        raise ValueError("its header is longer than it is")
    entries = _entries(data[8 : 8 + length])
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata is not text by name")
    body = data[8 + length :]
    placed = sorted((_place(name, entry), name) for name, entry in entries.items())
    end = 0
    for (start, stop), name in placed:
        if start != end:
            raise ValueError(f"there is a gap or an overlap before tensor {name[:80]!r}")
        end = stop
    if end != len(body):
        raise ValueError(f"its tensors take {end} bytes, and it has {len(body)} for them")
    return metadata, {
        name: RawTensor(entries[name]["dtype"], tuple(entries[name]["shape"]), body[slice(*place)])
        for place, name in placed
    }


def _entries(header: memoryview) -> dict[str, Any]:
    try:
        entries = json.loads(str(header, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header cannot be read: {error}") from error
    if not isinstance(entries, dict):
        raise ValueError("its header is no JSON object")
    return entries


def _place(name: str, entry: Any) -> tuple[int, int]:
    """Where a tensor begins and ends, if its type and shape take so many bytes."""
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name[:80]!r} lacks its type, shape or place")
    shape, place = entry["shape"], entry["data_offsets"]
    if not _are_counts(shape) or not _are_counts(place) or len(place) != 2:
        raise ValueError(
            f"tensor {name[:80]!r} has a shape or a place that is not of whole numbers"
        )
    size = ITEM_SIZES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if size is None:
        raise ValueError(f"tensor {name[:80]!r} is none of {', '.join(ITEM_SIZES)}")
    start, stop = place
    if stop - start != size * math.prod(shape):
        raise ValueError(f"tensor {name[:80]!r} has another size than its type and shape mean")
    return start, stop


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(each) is int and each >= 0 for each in values)
