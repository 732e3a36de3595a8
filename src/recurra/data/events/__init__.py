"""Events of a live stream, read in batches: CSV, JSON Lines, Parquet, Arrow."""

from __future__ import annotations

from recurra.data.events.batch import Batch, Position, Reject
from recurra.data.events.reader import EventReader, Format

__all__ = ["Batch", "EventReader", "Format", "Position", "Reject"]
