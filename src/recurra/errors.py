"""Every error that recurra raises.

::

    RecurraError
    ├── ShapeError          an array has the wrong shape              (also a ValueError)
    ├── StateError          a state does not belong to this layer     (also a ValueError)
    ├── UnknownKeyError     there is no state of this key             (also a KeyError)
    ├── DataError           a file or an array holds unusable values  (also a ValueError)
    ├── ModelFileError      a file is not a model or state we can use (also a ValueError)
    ├── NotStreamableError  a layer needs the future to answer        (also a TypeError)
    ├── ProgramError        a program is not one that can run         (also a ValueError)
    │   └── PlanError       a valid program that the engine cannot run
    ├── StoreError          a store of states cannot be used now      (also an OSError)
    │   ├── StoreFileError    its files are damaged, or not ours      (also a ValueError)
    │   └── StoreLockedError  another process uses it
    ├── TraceError          a layer cannot become a program           (also a TypeError)
    ├── TrainingError       training cannot go on                     (also a RuntimeError)
    └── MissingExtraError   an optional dependency is not installed   (also an ImportError)

A message says who, which argument, what came, what was wanted and the likeliest repair.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "MissingExtraError",
    "ModelFileError",
    "NotStreamableError",
    "PlanError",
    "ProgramError",
    "RecurraError",
    "ShapeError",
    "StateError",
    "StoreError",
    "StoreFileError",
    "StoreLockedError",
    "TraceError",
    "TrainingError",
    "UnknownKeyError",
]


class RecurraError(Exception):
    """The base of every error that recurra raises on purpose."""


class ShapeError(RecurraError, ValueError):
    """An array has another shape, or another kind of elements, than the layer takes."""


class StateError(RecurraError, ValueError):
    """A state has other slots, shapes, types or another model than the layer it was given to.

    Also raised for a cell that changes its state in place, or into another shape.
    """


class UnknownKeyError(RecurraError, KeyError):
    """A stream is asked for by a key that has no state."""

    __str__ = Exception.__str__  # a KeyError's own puts the message in quotes


class DataError(RecurraError, ValueError):
    """A file or an array holds something that cannot be used, such as a missing value."""


class ModelFileError(RecurraError, ValueError):
    """A file is truncated, altered, of another version, or not ours at all."""


class NotStreamableError(RecurraError, TypeError):
    """The layer cannot answer one event at a time."""


class ProgramError(RecurraError, ValueError):
    """A program breaks a rule: an unknown op, a wrong type, a value that does not exist."""


class PlanError(ProgramError):
    """A program is valid, but the native engine cannot run it."""


class StoreError(RecurraError, OSError):
    """A store of states cannot be read or written, for example because the disk is full."""


class StoreFileError(StoreError, ValueError):
    """A store's files are truncated, altered, of another version, or not ours at all."""


class StoreLockedError(StoreError):
    """A store is in use by another process, and it is for one at a time."""


class TraceError(RecurraError, TypeError):
    """A step does something that no program can say; the torch operation is named."""


class TrainingError(RecurraError, RuntimeError):
    """Training cannot go on, for example because the loss is not a number."""


class MissingExtraError(RecurraError, ImportError):
    """An optional dependency is needed and not installed."""

    @classmethod
    def named(cls, package: str, extra: str) -> MissingExtraError:
        """The error for a missing package, with the command that installs it.

        >>> print(MissingExtraError.named("torch", "train"))
        torch is not installed. Install it with: pip install "recurra[train]"
        """
        return cls(f'{package} is not installed. Install it with: pip install "recurra[{extra}]"')
