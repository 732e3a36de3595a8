"""Data in recurra's shapes: named sets, tables of sequences, events of a stream. No torch.

Tables need pyarrow (``recurra[cli]``), the named sets aeon and river (``recurra[data]``); both are
imported when first used.
"""

from __future__ import annotations

from recurra.data.events import Batch, EventReader, Position, Reject
from recurra.data.named import (
    DATASETS,
    Dataset,
    Labelled,
    LabelledSequences,
    TimedSeries,
    dataset,
    japanese_vowels,
    water_flow,
)
from recurra.data.table import (
    InputTable,
    SequenceTable,
    column_names,
    read_inputs,
    read_sequences,
)
from recurra.data.targets import Kind

__all__ = [
    "DATASETS",
    "Batch",
    "Dataset",
    "EventReader",
    "InputTable",
    "Kind",
    "Labelled",
    "LabelledSequences",
    "Position",
    "Reject",
    "SequenceTable",
    "TimedSeries",
    "column_names",
    "dataset",
    "japanese_vowels",
    "read_inputs",
    "read_sequences",
    "water_flow",
]
