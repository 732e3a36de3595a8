"""Sequences with known answers, as their papers define them, and the papers' rules of scoring.

Every function returns a `Task`: inputs, targets, the suitable loss, the source, ``score`` and what
an answer without memory would score. The same seed gives the same bytes (with the same numpy).

================================ =========== =================================================
task                             answer      asks to
================================ =========== =================================================
`repeats`                        every step  say whether a symbol equals the one before
`seen`                           every step  say whether a symbol has come at all before
`reber`                          every step  know the legal next symbols of a small grammar
`embedded_reber`                 every step  and remember the string's second symbol
`continual_embedded_reber`       every step  and notice by oneself where a string ends
`adding`, `multiplication`       at the end  combine two marked values
`temporal_order`                 at the end  tell the order of two or three symbols
`copy_memory`                    every step  repeat ten symbols after a long pause
`selective_copy`                 last steps  repeat the symbols scattered in noise
================================ =========== =================================================

>>> from recurra.training import tasks
>>> task = tasks.repeats(200, length=32, seed=0)
>>> task.score([10 * y - 5 for y in task.targets])["solved"]
1.0
"""

from recurra.training.tasks.copying import copy_memory, selective_copy
from recurra.training.tasks.grammar import (
    REBER_ALPHABET,
    ReberSymbol,
    continual_embedded_reber_stream,
)
from recurra.training.tasks.losses import IGNORED
from recurra.training.tasks.marked import adding, multiplication
from recurra.training.tasks.memory import repeats, seen
from recurra.training.tasks.order import ORDER_ALPHABET, temporal_order
from recurra.training.tasks.prediction import continual_embedded_reber, embedded_reber, reber
from recurra.training.tasks.task import Task

__all__ = [
    "IGNORED",
    "ORDER_ALPHABET",
    "REBER_ALPHABET",
    "ReberSymbol",
    "Task",
    "adding",
    "continual_embedded_reber",
    "continual_embedded_reber_stream",
    "copy_memory",
    "embedded_reber",
    "multiplication",
    "reber",
    "repeats",
    "seen",
    "selective_copy",
    "temporal_order",
]
