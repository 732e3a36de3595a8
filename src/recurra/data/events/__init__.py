"""Events of a live stream, read in batches: CSV, JSON Lines, Parquet, Arrow."""

from __future__ import annotations

from recurra.data.events.batch import Batch, Format, Position, Reject
from recurra.data.events.reader import EventReader

__all__ = ["Batch", "EventReader", "Format", "Position", "Reject"]
