"""From torch layers to programs."""

from recurra.compiler.differentiate import differentiate
from recurra.compiler.partition import Partition, Stage, partition
from recurra.compiler.trace import Traced, trace

__all__ = ["Partition", "Stage", "Traced", "differentiate", "partition", "trace"]
