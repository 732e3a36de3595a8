"""Where should the LSTM's forget bias start?

Trains one LSTM of 32 units from several starts of the forget bias, over several seeds, on tasks
that need to forget at once, to keep a symbol for a while, or to keep what was shown to the end.
Scores it on sequences it has not seen: how many seeds solve more than 90 % of them, and the loss.
Learning, not speed.

    python benchmarks/forget_bias.py --seeds 10 --out benchmarks/records/forget-bias.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

import recurra as rc
from recurra.training import fit, tasks
from recurra.training.tasks import Task

UNITS = 32
SEQUENCES = 3200
EPOCHS = 8
STARTS: dict[str, float | None] = {"drawn, as torch": None, "0": 0.0, "1": 1.0, "2": 2.0, "3": 3.0}
TASKS: dict[str, Callable[[int, int], Task]] = {
    "repeats, 32 steps": lambda count, seed: tasks.repeats(count, length=32, seed=seed),
    "embedded Reber": lambda count, seed: tasks.embedded_reber(count, seed=seed),
    "seen, 32 steps": lambda count, seed: tasks.seen(count, length=32, seed=seed),
    "adding, 20 steps": lambda count, seed: tasks.adding(count, length=20, seed=seed),
    "temporal order, 40": lambda count, seed: tasks.temporal_order(count, length=40, seed=seed),
}


def score(make: Callable[[int, int], Task], bias: float | None, seed: int) -> dict[str, float]:
    """The task's own score on new sequences after a fixed budget of training."""
    train, test = make(SEQUENCES, 2 * seed), make(500, 2 * seed + 1)
    torch.manual_seed(seed)
    model = rc.Stack(
        rc.Recurrent(rc.cells.LSTM(train.input_size, UNITS, forget_bias=bias)),
        nn.Linear(UNITS, train.output_size),
    )
    pairs = train.pairs()
    fit(model, pairs, train.loss, target=train.kind, epochs=EPOCHS, learning_rate=0.01, seed=seed)
    model.eval()
    with torch.no_grad():
        answers = [model(torch.from_numpy(x))[0].numpy() for x in test.inputs]
    return test.score([a[-1] for a in answers] if test.kind == "last" else answers)


def main() -> None:
    """Measure, print a table, and write the record where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    print(f"{'task':20}{'forget bias':18}{'seeds solved':>13}{'median loss':>13}{'worst':>9}")
    for task, make in TASKS.items():
        for start, bias in STARTS.items():
            scores = [score(make, bias, seed) for seed in range(arguments.seeds)]
            found.setdefault(task, {})[start] = scores
            losses = [each["loss"] for each in scores]
            solved = sum(each["solved"] > 0.9 for each in scores)
            print(
                f"{task:20}{start:18}{f'{solved} of {len(scores)}':>13}"
                f"{statistics.median(losses):13.4f}{max(losses):9.4f}",
                flush=True,
            )
    if arguments.out:
        record = {
            "question": __doc__.splitlines()[0],
            "date": time.strftime("%Y-%m-%d"),
            "machine": platform.machine(),
            "versions": {"recurra": rc.__version__, "torch": torch.__version__},
            "units": UNITS,
            "sequences": SEQUENCES,
            "epochs": EPOCHS,
            "scores": found,
        }
        arguments.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
