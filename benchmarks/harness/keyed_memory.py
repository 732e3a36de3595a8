"""What the streams of a case's keys add to the resident memory of a fresh process.

python -m benchmarks.harness.keyed_memory CASE
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

import numpy as np

from benchmarks.harness.case import Case
from benchmarks.harness.footprint import resident
from benchmarks.harness.pinning import pin
from benchmarks.peers.cells import make_cell

__all__ = ["main"]


def main(case: Case) -> int:
    """Bytes, after every key was stepped twice in random order."""
    import recurra as rc
    from benchmarks.peers.recurra_layer import stream_of

    pin(case.threads)
    model = stream_of(rc.Recurrent(make_cell(case)[0])).model
    _step_all(model.streams(), case, keys=10 * case.batch)  # code and pools
    gc.collect()
    streams = model.streams()
    before = resident("VmRSS")
    for _ in range(2):
        _step_all(streams, case, case.keys)
    assert len(streams) == case.keys
    return resident("VmRSS") - before


def _step_all(streams: Any, case: Case, keys: int) -> None:
    xs = np.ones((case.batch, case.size), np.float32)
    order = np.random.default_rng(0).permutation(keys)
    for first in range(0, keys, case.batch):
        batch = order[first : first + case.batch]
        streams.step(batch, xs[: len(batch)])


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    channel.write(json.dumps(main(Case(**json.loads(sys.argv[1])))) + "\n")
    channel.close()
