"""Events that could not be used: kept in a file, or the first ones told."""

from __future__ import annotations

import json
from collections.abc import Sequence

from recurra.cli.errors import complain, in_options
from recurra.cli.output import OutputFile
from recurra.data import EventReader, Reject
from recurra.data.words import counted

__all__ = ["Rejects"]

TOLD = 5


class Rejects:
    """Takes them as they come and counts them.

    Args:
        reader: where they come from.
        file: gets one JSON object a line, with line, reason and text; without it the first are
            told on standard error.
    """

    def __init__(self, reader: EventReader, file: OutputFile | None) -> None:
        self.file = file
        self.count = 0
        self._reader = reader

    def add(self, rejects: Sequence[Reject]) -> None:
        """Some more, in the order of the input."""
        if self.file is not None:
            lines = [json.dumps(each._asdict(), ensure_ascii=False) + "\n" for each in rejects]
            self.file.write("".join(lines).encode("utf-8", "backslashreplace"))
        else:
            for each in rejects[: max(0, TOLD - self.count)]:
                complain(in_options(each.message(self._reader.name, self._reader.unit)))
        self.count += len(rejects)

    def tell(self) -> None:
        """Say how many there were, if there were any."""
        if not self.count:
            return
        could = f"{counted(self.count, 'event')} could not be used"
        if self.file is not None:
            complain(f"{could}: see {self.file.path}.")
        elif self.count > TOLD:
            complain(f"{could}; the first {TOLD} are above. Keep them with --rejects FILE.")
        else:
            complain(f"{could}.")
