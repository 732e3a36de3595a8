r"""The state of one stream as bytes: little more than the state.

::

    7 bytes    b"\x9aRCSNAP"
    1 byte     version
    32 bytes   the model's fingerprint, which says what the slots are
    state      the slots in the model's order, little-endian, one after the other
    8 bytes    BLAKE2b of all before it
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurra.errors import ModelFileError, StateError
from recurra.streaming.rows import Rows

if TYPE_CHECKING:
    from recurra.engine import Array
    from recurra.streaming.model import Model, State

__all__ = ["check_fingerprint", "is_snapshot", "pack_snapshot", "unpack_snapshot"]

VERSION = 1  # the newest that is read, and the one that is written

_MAGIC = b"\x9aRCSNAP"
_HEAD = len(_MAGIC) + 1 + 32
_CHECKSUM = 8


def is_snapshot(data: bytes) -> bool:
    """Whether it begins as one."""
    return data[: len(_MAGIC)] == _MAGIC


def pack_snapshot(model: Model, state: Mapping[str, Array]) -> bytes:
    """The bytes of a model's state, checked before."""
    slots = {name: slot[None] for name, slot in state.items()}
    row = Rows(model.slots).join(slots, 1).tobytes()
    data = b"".join((_MAGIC, bytes([VERSION]), bytes.fromhex(model.fingerprint), row))
    return data + _digest(data)


def unpack_snapshot(model: Model, data: bytes, source: str) -> State:
    """The state that `pack_snapshot` put into bytes.

    Raises:
        ModelFileError: it is truncated, altered or of a newer version.
        StateError: it was taken under another model.
    """
    version = data[len(_MAGIC)] if len(data) > len(_MAGIC) else 0
    if version > VERSION:
        raise ModelFileError(
            f"{source}: is of version {version}, and this recurra reads up to {VERSION}. "
            f"Update it: pip install -U recurra."
        )
    if version < 1 or data[-_CHECKSUM:] != _digest(data[:-_CHECKSUM]):
        raise ModelFileError(f"{source}: is truncated or damaged: its checksum is another.")
    check_fingerprint(model, data[_HEAD - 32 : _HEAD].hex(), source)
    rows, row = Rows(model.slots), data[_HEAD:-_CHECKSUM]
    if len(row) != rows.size:
        raise ModelFileError(f"{source}: has {len(row)} bytes of state, not those of its model.")
    return rows.one(row)


def check_fingerprint(model: Model, found: str, source: str) -> None:
    """Raises StateError where the state is another model's."""
    if found != model.fingerprint:
        raise StateError(
            f"{source}: was made under another model, whose fingerprint begins with "
            f"{found[:12]!r}, not {model.fingerprint[:12]!r}. Load that model, or start anew."
        )


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECKSUM).digest()
