"""The states of `recurra stream`: by key or a single one, and kept in a file across runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from recurra.errors import DataError, StateError
from recurra.streaming import Model, read_states, write_states

__all__ = ["States"]

ALONE = ""  # stands for the key where there are no keys; no event has an empty one

State = dict[str, Any]  # slot name -> (1, ...)


class States:
    """One state a key, each H_0 until its first event is answered.

    Args:
        model: whose states they are.
        path: the file that keeps them, or None.
        keyed: whether events have keys.

    Raises:
        StateError: the file holds states of another model, or with keys where there are none.
        ModelFileError: it is not a whole file of states.
        DataError: a file could not be written there.
    """

    def __init__(self, model: Model, path: Path | None, *, keyed: bool) -> None:
        self._model = model
        self._path = path
        self._states: dict[str, State] = {}
        if path is None:
            return
        if path.exists():
            states = read_states(path, model)
            _check_keys(path, states, keyed=keyed)
            self._states = {
                key: {name: slot[None] for name, slot in state.items()}
                for key, state in states.items()
            }
        elif not path.parent.is_dir():
            raise DataError(f"{path}: there is no folder {path.parent}. Make it first.")
        folder = Path(os.path.realpath(path)).parent  # a link's file is replaced where it is
        if not os.access(folder, os.W_OK):
            raise DataError(f"{path}: the folder {folder} cannot be written to.")

    def __len__(self) -> int:
        return len(self._states)

    def before(self, key: str | None) -> State | None:
        """The state to go on from; None is H_0."""
        return self._states.get(ALONE if key is None else key)

    def after(self, key: str | None, state: State) -> None:
        """Put the state after an answered event in its place."""
        self._states[ALONE if key is None else key] = state

    def save(self) -> None:
        """Write the file, if there is one to write."""
        if self._path is None:
            return
        rows = {
            key: {name: slot[0] for name, slot in state.items()}
            for key, state in self._states.items()
        }
        write_states(self._path, self._model, rows)


def _check_keys(path: Path, states: dict[str, Any], *, keyed: bool) -> None:
    if keyed and ALONE in states:
        raise StateError(f"{path}: holds the state of a stream without keys. Leave out --key.")
    if not keyed and states.keys() - {ALONE}:
        first = next(iter(states))
        raise StateError(
            f"{path}: holds states by key ({len(states)}, such as {first!r}). "
            f"Name the column of the keys with --key."
        )
