"""Expired records leave, some at a time."""

from __future__ import annotations

from typing import Any

from recurra.streaming.store.records import CURSOR, LAST_SEEN

__all__ = ["Sweep"]


class Sweep:
    """A walk over all records that goes on where it stopped, round and round."""

    def __init__(self) -> None:
        self._after = CURSOR  # the last of the store's own records

    def over(self, txn: Any, before: int, count: int) -> None:
        """Look at some records and delete the expired ones.

        Args:
            txn: a transaction that writes.
            before: microseconds; what was last seen earlier is deleted.
            count: how many to look at.
        """
        cursor = txn.cursor()
        found = cursor.set_range(self._after + b"\0")
        for _ in range(count):
            if not found:
                self._after = CURSOR
                return
            self._after = cursor.key()
            (last_seen,) = LAST_SEEN.unpack_from(cursor.value(), 4)
            found = cursor.delete() and bool(cursor.key()) if last_seen < before else cursor.next()
