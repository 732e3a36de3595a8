"""From torch layers to programs."""

from recurra.compiler.differentiate import differentiate
from recurra.compiler.draws import Draw
from recurra.compiler.heads import one_head_each
from recurra.compiler.partition import Partition, Stage, partition
from recurra.compiler.simplify import shared_values, simplify, split_once
from recurra.compiler.trace import Traced, trace

__all__ = [
    "Draw",
    "Partition",
    "Stage",
    "Traced",
    "differentiate",
    "one_head_each",
    "partition",
    "shared_values",
    "simplify",
    "split_once",
    "trace",
]
