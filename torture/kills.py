"""kill -9 at random moments, replay from the cursor, and the states are those of a run without.

A process feeds batches to keyed streams and says which are durable. It is killed again and again,
at moments that nobody chose, and started again each time from the cursor in its store. Checked:
every time it starts, the cursor is not before what it had said to be durable; and in the end every
state has the bits of a plain dict of streams that nothing ever interrupted.

    python -m torture.kills MODEL FOLDER --batches 300 --commit-every batch
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import recurra as rc
from torture.source import batch, uninterrupted

__all__ = ["main", "run"]

WAIT = 60  # seconds for a sign of life


def feed(model: rc.Model, folder: Path, batches: int, every: str, ahead: int, told: int) -> None:
    """From the cursor to the end; each line it writes is a position that is durable."""
    by_hand = every == "hand"
    commit_every: Any = None if by_hand else every if every == "batch" else float(every)
    with model.streams(folder, commit_every=commit_every) as streams:
        place = int(streams.cursor or b"0")
        os.write(told, b"from %d\n" % place)
        waiting = []
        for number in range(place, batches):
            streams.step(*batch(number), cursor=b"%d" % (number + 1 + ahead))
            if by_hand and number % 3 == 2:
                waiting.append((number + 1, streams.commit(wait=False)))
            while waiting and (waiting[0][1].done() or len(waiting) > 4):
                place, future = waiting.pop(0)
                future.result()
                os.write(told, b"%d\n" % place)
            if not by_hand:
                os.write(told, b"%d\n" % int(streams.cursor or b"0"))
    os.write(told, b"%d\n" % batches)


class Run:
    """One process that feeds, until it ends or is killed."""

    def __init__(self, *arguments: Any) -> None:
        self.read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                feed(*arguments, write)
                code = 0
            except BaseException:  # noqa: BLE001 - it must not go on as a second parent
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(write)
        self._text, self._lines = b"", 0
        self.came_from, self.durable = -1, -1

    def listen(self, lines: int, then: float) -> bool:
        """Hear so many lines and wait for so many seconds; whether it goes on."""
        while self._lines < lines:
            assert select.select([self.read], [], [], WAIT)[0], f"no sign of life for {WAIT} s"
            said = os.read(self.read, 1 << 16)
            if not said:
                return False
            self._hear(said)
        time.sleep(then)
        return True

    def end(self, kill: bool) -> int:
        """Wait for it, killed or not; its exit status."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        while said := os.read(self.read, 1 << 16):
            self._hear(said)
        os.close(self.read)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _hear(self, said: bytes) -> None:
        *lines, self._text = (self._text + said).split(b"\n")
        self._lines += len(lines)
        for line in lines:
            if line.startswith(b"from "):
                self.came_from = self.durable = int(line[5:])
            else:
                self.durable = max(self.durable, int(line))


def run(
    model: rc.Model,
    folder: Path,
    batches: int,
    every: str,
    seed: int,
    seconds: float = 1e9,
    apart: int = 5,
    ahead: int = 0,
) -> dict[str, Any]:
    """Kill and start again until all batches went through, or the time is over.

    Args:
        model: what is fed.
        folder: of the store.
        batches: how many there are.
        every: "batch", "hand" (every third, without waiting) or milliseconds.
        seed: of the moments.
        seconds: when to let the rest go unharmed.
        apart: how many lines it says between kills, on average.
        ahead: a fault to be noticed: the cursor is so many batches too far.

    Returns:
        What was done.

    Raises:
        AssertionError: something durable was lost, or a state is another.
    """
    draw, began = random.Random(seed), time.monotonic()
    durable, kills, early = 0, 0, 0
    goes_on = True
    while goes_on:
        last = time.monotonic() - began > seconds
        process = Run(model, folder, durable if last and durable else batches, every, ahead)
        lines = sys.maxsize if last else draw.randrange(2 * apart)  # none: while it opens the store
        goes_on = process.listen(lines, draw.random() * draw.choice([0.0005, 0.005]))
        code = process.end(kill=goes_on)
        if process.came_from < 0:
            early += 1
        else:
            assert process.came_from >= durable, (
                f"{durable} was said to be durable, and the store is at {process.came_from}"
            )
            durable = process.durable
        kills += goes_on
        assert goes_on or code == 0, f"it ended by itself, with {code}"
    done = durable
    compare(model, folder, done)
    return {
        "commit_every": every,
        "batches": done,
        "kills": kills,
        "kills_while_opening": early,
        "seconds": round(time.monotonic() - began, 1),
    }


def compare(model: rc.Model, folder: Path, batches: int) -> None:
    """Every state against a run that nothing interrupted."""
    wanted = uninterrupted(model, batches)
    with model.streams(folder) as streams:
        assert streams.cursor == b"%d" % batches
        assert set(streams.keys()) == set(wanted)
        for key, state in wanted.items():
            got = streams.state(key)
            for name, slot in state.items():
                assert got[name].tobytes() == slot.tobytes(), f"{key!r} has another {name}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--commit-every", default="batch", help="batch, hand or milliseconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--apart", type=int, default=5, help="lines between kills, on average")
    parser.add_argument("--ahead", type=int, default=0, help="a fault that has to be noticed")
    a = parser.parse_args()
    model = rc.load(a.model)
    options = (a.batches, a.commit_every, a.seed, a.seconds, a.apart, a.ahead)
    done = run(model, a.folder, *options)
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main()
