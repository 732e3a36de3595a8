"""Does recurra keep to its bars? Every question about speed and memory, one after the other.

A quarter of an hour on a machine that does nothing else; `--quick` takes a fraction of it and says
only that all of it works.

    python -m benchmarks.bars
"""

from __future__ import annotations

from benchmarks import (
    command_line,
    custom_cells,
    durable_streams,
    engine_step,
    keyed_streams,
    memory,
    ragged,
    sequence,
    start,
    step,
    threads,
    training,
)
from benchmarks.harness.main import main

QUESTIONS = [
    module.QUESTION
    for module in (
        step,
        engine_step,
        sequence,
        training,
        custom_cells,
        ragged,
        memory,
        threads,
        keyed_streams,
        durable_streams,
        command_line,
    )
]
QUESTIONS += [keyed_streams.MEMORY, start.QUESTION, start.RESIDENT]

if __name__ == "__main__":
    main(QUESTIONS, __doc__, "bars")
