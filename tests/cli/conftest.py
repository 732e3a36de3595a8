"""Small tables, and one tiny model of each kind, trained once by the command itself."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from recurra.streaming import keys
from recurra.streaming.store import LmdbStore

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80", "TERM": "dumb"}


@pytest.fixture(scope="session")
def recurra():
    """Runs the command in this process: (exit code, standard output, standard error)."""
    from recurra.cli.app import app

    def run(*arguments, given=None):
        done = CliRunner().invoke(app, [str(each) for each in arguments], input=given)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return SimpleNamespace(code=done.exit_code, out=done.stdout, err=done.stderr)

    return run


@pytest.fixture(scope="session")
def start():
    """Starts the command as a process of its own, all its ends being pipes."""

    def start(*arguments, **changes):
        return subprocess.Popen(
            [sys.executable, "-m", "recurra", *map(str, arguments)],
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                "bufsize": 1,
                "env": ENVIRONMENT,
                **changes,
            },
        )

    return start


def states_in(folder):
    """Every key's slots, as a store that only looks at them finds them."""
    with LmdbStore(folder, readonly=True) as store:
        kept = {keys.decode(key): value[8:] for key, value in store.items()}
        slots = store.layout.slots
    found = {}
    for key, row in sorted(kept.items()):
        found[key], at = {}, 0
        for name, (shape, dtype) in slots.items():
            found[key][name] = np.frombuffer(row, dtype, math.prod(shape), at).reshape(shape)
            at += found[key][name].nbytes
    return found


def write_csv(path, names, rows):
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path


def long_rows(sequences, seed):
    """Rows (id, t, x, y, word, sum, high, mean) of random walks."""
    rng = np.random.default_rng(seed)
    for k in range(sequences):
        x = rng.normal(size=(int(rng.integers(3, 8)), 2)).round(4)
        total = np.cumsum(x[:, 0])
        for t, (first, second) in enumerate(x):
            high = "high" if total[t] > 0 else "low"
            word = "up" if total[-1] > 0 else "down"
            mean = f"{x[:, 0].mean():.6f}"
            yield f"s{k}", t, first, second, word, f"{total[t]:.6f}", high, mean


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def table(folder):
    """24 sequences, with targets of all four kinds."""
    names = ["id", "t", "x", "y", "word", "sum", "high", "mean"]
    return write_csv(folder / "walks.csv", names, long_rows(24, seed=3))


TARGETS = {
    "classify_sequences": "word",
    "tag_steps": "high",
    "regress_sequences": "mean",
    "regress_steps": "sum",
}


@pytest.fixture(scope="session")
def models(recurra, table, folder):
    """A model file for each kind, and what the training said."""
    made = {}
    for kind, target in TARGETS.items():
        path = folder / f"{kind}.recurra"
        done = recurra(
            "train", table, "--target", target, "--features", "x,y", "--out", path,
            "--hidden", 5, "--epochs", 2, "--cell", "lstm" if kind == "tag_steps" else "gru",
        )  # fmt: skip
        assert (done.code, done.err) == (0, "")  # no progress bar in a pipe
        made[kind] = SimpleNamespace(path=path, said=done.out, target=target)
    return made


@pytest.fixture(scope="session")
def numbers(models):
    """A model that answers each event with a number."""
    return models["regress_steps"].path


@pytest.fixture(scope="session")
def classes(models):
    """A model that answers each event with a class."""
    return models["classify_sequences"].path


@pytest.fixture(scope="session")
def walk():
    """Ten events of two features."""
    return np.random.default_rng(9).normal(size=(10, 2)).round(4).tolist()


@pytest.fixture
def events_of(tmp_path):
    """Writes events to a file: of the features x and y, with a column of keys if given."""

    def write(values, name="events.csv", keys=None):
        if keys is None:
            return write_csv(tmp_path / name, ["x", "y"], values)
        rows = [(key, *row) for key, row in zip(keys, values, strict=True)]
        return write_csv(tmp_path / name, ["user", "x", "y"], rows)

    return write
