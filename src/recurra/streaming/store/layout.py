"""Whose states a store holds, and how one of them lies in its bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra.engine import Slot
from recurra.errors import RecurraError, StateError, StoreFileError

if TYPE_CHECKING:
    from recurra.streaming.model import Model

__all__ = ["VERSION", "StoreLayout"]

FORMAT = "recurra.store"
VERSION = 1  # the newest that is read, and the one that is written

_TYPES = {
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
}  # fmt: skip


class StoreLayout(NamedTuple):
    """A model's fingerprint and slots.

    A state is the bytes of its slots in this order, little-endian, one after the other.
    """

    fingerprint: str
    slots: Mapping[str, Slot]

    @classmethod
    def of(cls, model: Model) -> StoreLayout:
        """That of a model's states."""
        return cls(model.fingerprint, dict(model.slots))

    @property
    def row_bytes(self) -> int:
        """Of one state."""
        return sum(math.prod(shape) * dtype.itemsize for shape, dtype in self.slots.values())

    def as_json(self, format_: str = FORMAT) -> bytes:
        """What a store, or another kind of file with states in it, says of itself."""
        slots = [[name, list(slot.shape), slot.dtype.name] for name, slot in self.slots.items()]
        said = {
            "format": format_,
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "slots": slots,
        }
        return json.dumps(said, separators=(",", ":")).encode()

    @classmethod
    def from_json(
        cls,
        text: bytes,
        source: str,
        format_: str = FORMAT,
        error: type[RecurraError] = StoreFileError,
    ) -> StoreLayout:
        """What a store says, checked.

        Raises:
            StoreFileError: it is not ours, of a newer version, or makes no sense; or the error that
                was given.
        """
        said = _read(text)
        if said is None:
            raise error(f"{source}: does not say whose states it holds.")
        if said.get("format") != format_:
            raise error(
                f"{source}: says that it is {str(said.get('format'))[:40]!r}, expected "
                f"{format_!r}: recurra did not write it."
            )
        version = said.get("version")
        if type(version) is not int or version < 1:
            raise error(f"{source}: has version {str(version)[:40]!r}, expected 1.")
        if version > VERSION:
            raise error(
                f"{source}: is of version {version}, and this recurra reads up to {VERSION}. "
                f"Update it: pip install -U recurra."
            )
        try:
            slots = {str(name): _slot(shape, dtype) for name, shape, dtype in said["slots"]}
            if len(slots) != len(said["slots"]) or not isinstance(said["fingerprint"], str):
                raise ValueError("two slots of one name, or no fingerprint")
        except (KeyError, TypeError, ValueError) as cause:
            raise error(f"{source}: does not say whose states it holds ({cause}).") from cause
        return cls(said["fingerprint"], slots)

    def check_is_of(
        self, wanted: StoreLayout, source: str, error: type[RecurraError] = StoreFileError
    ) -> None:
        """Raises StateError where another model made the states."""
        if self.fingerprint != wanted.fingerprint:
            raise StateError(
                f"{source}: holds states made under another model, whose fingerprint begins with "
                f"{self.fingerprint[:12]!r}, not {wanted.fingerprint[:12]!r}. Load that model, or "
                f"start anew in another place."
            )
        if list(self.slots.items()) != list(wanted.slots.items()):
            raise error(f"{source}: holds other slots than its model has.")


def _read(text: bytes) -> dict[str, Any] | None:
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _slot(shape: Any, dtype: Any) -> Slot:
    if dtype not in _TYPES or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"a slot of {str(dtype)[:40]!r}, {str(shape)[:40]}")
    return Slot(tuple(shape), np.dtype(dtype))
