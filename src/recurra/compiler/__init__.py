"""From torch layers to programs."""

from recurra.compiler.differentiate import differentiate
from recurra.compiler.trace import Traced, trace

__all__ = ["Traced", "differentiate", "trace"]
