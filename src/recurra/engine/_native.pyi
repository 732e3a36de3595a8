from collections.abc import Sequence
from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


def isa() -> str:
    """The instruction set in use: baseline, avx2 or avx512."""

def supported_isas() -> list[str]:
    """The instruction sets this processor has."""

def op_numbers() -> dict:
    """The number of every op of a plan, by name."""

def threads() -> int:
    """Threads that a call may use."""

def set_threads(count: int) -> None: ...

def same_items(dictionaries: list, items: list) -> bool:
    """
    Whether dictionaries hold the very keys and values that lists name by turns.
    """

DIMS: int = 4

class Plan32:
    def __init__(self, buffers: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], instructions: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], stages: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], segments: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], matrices: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], constants: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], descending: bool, isa: str = '') -> None: ...

    def run(self, rows: int, time: int, backwards: bool, lengths: int, reset: int, xs: Sequence[tuple], ys: Sequence[tuple], weights: Sequence[int], states: Sequence[int], starts: Sequence[int], finals: Sequence[int], weight_grads: Sequence[int], start_grads: Sequence[int]) -> None: ...

class Plan64:
    def __init__(self, buffers: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], instructions: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], stages: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], segments: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], matrices: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], constants: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], descending: bool, isa: str = '') -> None: ...

    def run(self, rows: int, time: int, backwards: bool, lengths: int, reset: int, xs: Sequence[tuple], ys: Sequence[tuple], weights: Sequence[int], states: Sequence[int], starts: Sequence[int], finals: Sequence[int], weight_grads: Sequence[int], start_grads: Sequence[int]) -> None: ...

class Weights32:
    def __init__(self, plan: Plan32, weights: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]]) -> None: ...

    def run(self, rows: int, time: int, xs: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)]], states: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)]], starts: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)]], lengths: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, reset: Annotated[NDArray[numpy.bool_], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None) -> tuple: ...

class Stepper32:
    def __init__(self, plan: Plan32, weights: Weights32, most_rows: int) -> None: ...

    def step(self, x: object) -> object: ...

    def step_rows(self, rows: int) -> None: ...

    def repeat(self, count: int, rows: int) -> None: ...

    def x(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None))]: ...

    def y(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None))]: ...

    def state(self, k: int) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None))]: ...

class Weights64:
    def __init__(self, plan: Plan64, weights: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]]) -> None: ...

    def run(self, rows: int, time: int, xs: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)]], states: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]], starts: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]], lengths: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, reset: Annotated[NDArray[numpy.bool_], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None) -> tuple: ...

class Stepper64:
    def __init__(self, plan: Plan64, weights: Weights64, most_rows: int) -> None: ...

    def step(self, x: object) -> object: ...

    def step_rows(self, rows: int) -> None: ...

    def repeat(self, count: int, rows: int) -> None: ...

    def x(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None))]: ...

    def y(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None))]: ...

    def state(self, k: int) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None))]: ...

class TableWithBatch:
    pass

class StateTable(TableWithBatch):
    """
    States by key.

    `find` resolves a batch of keys, `load` takes stored states for new ones, `gather` and `scatter` or a
    keyed stepper move the states on: from then on the batch counts. Other keys are encoded. Not for two threads at once.
    """

    def __init__(self, start: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)], ordered: bool) -> None:
        """
        start: the bytes of H_0. ordered: whether to know which keys were used last, as expire, evict and collect need it.
        """

    def __len__(self) -> int: ...

    def __contains__(self, key: bytes) -> bool: ...

    @property
    def dirty(self) -> int:
        """How many keys have a state that was not collected."""

    @property
    def size(self) -> int:
        """Bytes in memory for keys and states."""

    def find(self, keys: object, oldest: int) -> int:
        """
        Resolve a batch: a list, a tuple or an array of int64, with keys last seen before `oldest` at H_0. How many were not here, or -1 - k where keys[k] is no key.
        """

    @overload
    def find_strings(self, offsets: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], data: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)], text: bool, oldest: int) -> int: ...

    @overload
    def find_strings(self, offsets: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], data: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)], text: bool, oldest: int) -> int:
        """The same for strings that lie one after the other."""

    def fresh(self) -> list[bytes]:
        """The keys of the batch that were not here."""

    def load(self, values: list, oldest: int) -> tuple[int, int]:
        """
        Take stored values for them, or None; those last seen before `oldest` are not taken. How many were, and when the newest was last seen.
        """

    def positions(self) -> NDArray[numpy.int64]:
        """
        For each event of the batch, the place of its key among the distinct ones.
        """

    def gather(self) -> NDArray[numpy.uint8]:
        """The states (distinct, bytes) of the batch's keys."""

    def scatter(self, states: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), order='C', device='cpu', writable=False)], now: int) -> None:
        """Set them; the batch counts from then on."""

    def abandon(self) -> None:
        """A batch that does not count yet was never there."""

    def put(self, keys: list, states: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), order='C', device='cpu', writable=False)], last_seen: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None:
        """Set the states of some keys."""

    def get(self, key: bytes) -> bytes | None:
        """
        When it was last seen and its state, as one value; None where it is not here.
        """

    def drop(self, keys: list) -> int:
        """Let go of some keys; how many were here."""

    def expire(self, oldest: int, most: int) -> int:
        """
        Drop keys last seen before `oldest`, at most so many; how many it were.
        """

    def evict(self, keep: int, dirty: bool) -> int:
        """
        Drop the least recently used keys until so many are left; dirty ones only if told so.
        """

    def collect(self) -> tuple[list[bytes], NDArray[numpy.uint8]]:
        """
        The dirty keys and their values, one after the other; they are clean from then on.
        """

    def page(self, start: int, count: int, oldest: int) -> tuple[int, list[bytes]]:
        """
        The place after some rows, 0 at the end, and those of their keys that were seen since `oldest`.
        """

class KeyedStepper32:
    def __init__(self, plan: Plan32, weights: Weights32, most_rows: int) -> None: ...

    def step(self, table: TableWithBatch, xs: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], only_finite: bool, now: int) -> object:
        """The answers; the batch counts from then on."""

class KeyedStepper64:
    def __init__(self, plan: Plan64, weights: Weights64, most_rows: int) -> None: ...

    def step(self, table: TableWithBatch, xs: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], only_finite: bool, now: int) -> object:
        """The answers; the batch counts from then on."""

class StoreFile:
    @property
    def problem(self) -> str: ...

    @property
    def pages(self) -> int: ...

    @property
    def free_pages(self) -> int: ...

    @property
    def records(self) -> int: ...

    @property
    def transaction(self) -> int: ...

def check_store(bytes: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)], head_only: bool = False) -> StoreFile:
    """What is wrong with the file of a store."""
