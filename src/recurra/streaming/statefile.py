"""The states of streams as bytes and files, bound to their model.

The file of many streams is one tensor a slot, with a row a key. Snapshots of one stream, which are
smaller (snapshot.py), are read here too, and so are those of an earlier recurra, which were such a
file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from recurra.atomic import write_atomically
from recurra.errors import ModelFileError, StateError
from recurra.streaming.container import Layout, pack, unpack
from recurra.streaming.snapshot import check_fingerprint, is_snapshot, unpack_snapshot
from recurra.streaming.tensors import RawTensor

if TYPE_CHECKING:
    from recurra.engine import Array, Slot
    from recurra.streaming.model import Model, State

__all__ = ["pack_states", "read_states", "unpack_states", "write_states"]

LAYOUT = Layout("recurra.states", 1, "saved states of recurra")

_TYPES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "float16": "F16", "float32": "F32", "float64": "F64",
}  # fmt: skip


def write_states(
    path: str | os.PathLike[str], model: Model, states: Mapping[str, Mapping[str, ArrayLike]]
) -> None:
    """Write the states of streams to one file, which is then the new one whole or the former one.

    Args:
        path: where.
        model: whose states they are.
        states: by key, each as `Stream.state` gives it.

    Raises:
        StateError: a state is not this model's.
        OSError: the file cannot be written.

    >>> import recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.Seen(2)), "seen.recurra")
    >>> model = rc.load("seen.recurra")
    >>> stream = model.stream()
    >>> y = stream.step([0, 1])
    >>> write_states("states", model, {"pump-7": stream.state})
    >>> read_states("states", model)["pump-7"]["seen"].tolist()
    [0.0, 1.0]
    """
    write_atomically(path, pack_states(model, states))


def read_states(path: str | os.PathLike[str], model: Model) -> dict[str, State]:
    """Read what `write_states` wrote.

    Returns:
        The states by key, in the order they were written; give one to `Model.stream`.

    Raises:
        StateError: they were written under another model.
        ModelFileError: the file is truncated, altered, of a newer version or not ours.
        OSError: there is no such file, or it cannot be read.

    >>> import recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
    >>> model = rc.load("repeats.recurra")
    >>> stream = model.stream()
    >>> y = stream.step([0, 1])
    >>> write_states("states", model, {"pump-7": stream.state})
    >>> stream = model.stream(read_states("states", model)["pump-7"])
    >>> float(stream.step([0, 1])[0])
    1.0
    """
    return unpack_states(model, Path(path).read_bytes(), str(path))


def pack_states(model: Model, states: Mapping[str, Mapping[str, ArrayLike]]) -> bytes:
    """The bytes of states by key."""
    checked = [model._check_state(state, ()) for state in states.values()]
    keys = json.dumps(list(states)).encode()
    tensors = {"keys": RawTensor("U8", (len(keys),), keys)}
    for name, slot in model.slots.items():
        rows = [state[name].astype(slot.dtype.newbyteorder("<"), copy=False) for state in checked]
        data = b"".join(row.tobytes() for row in rows)
        tensors[f"slot.{name}"] = RawTensor(_TYPES[slot.dtype.name], (len(rows), *slot.shape), data)
    return pack(LAYOUT, {"fingerprint": model.fingerprint}, tensors)


def unpack_states(model: Model, data: bytes, source: str, *, one: bool = False) -> dict[str, State]:
    """The states that `pack_states` or `pack_snapshot` put into bytes, checked."""
    if is_snapshot(data):
        return {"": unpack_snapshot(model, data, source)}
    header, tensors = unpack(LAYOUT, data, source)
    check_fingerprint(model, str(header.get("fingerprint")), source)
    keys = _keys(tensors.pop("keys", None), source)
    if one and len(keys) != 1:
        raise StateError(f"{source}: holds the states of {len(keys)} streams, expected one.")
    if tensors.keys() != {f"slot.{name}" for name in model.slots}:
        raise ModelFileError(f"{source}: holds other slots than its model has.")
    slots = {
        name: _rows(tensors[f"slot.{name}"], slot, len(keys), source)
        for name, slot in model.slots.items()
    }
    return {key: {name: rows[k] for name, rows in slots.items()} for k, key in enumerate(keys)}


def _keys(raw: RawTensor | None, source: str) -> list[str]:
    try:
        keys: Any = json.loads(bytes(raw.data)) if raw is not None else None
    except (ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ModelFileError(f"{source}: holds no list of keys.")
    if len(set(keys)) != len(keys):
        raise ModelFileError(f"{source}: holds two states for one key.")
    return keys


def _rows(raw: RawTensor, slot: Slot, count: int, source: str) -> Array:
    if raw.shape != (count, *slot.shape) or raw.dtype != _TYPES[slot.dtype.name]:
        raise ModelFileError(
            f"{source}: a slot is {raw.dtype} {raw.shape}, expected "
            f"{_TYPES[slot.dtype.name]} {(count, *slot.shape)}."
        )
    rows = np.frombuffer(raw.data, slot.dtype.newbyteorder("<")).reshape(raw.shape)
    return rows.astype(slot.dtype)
