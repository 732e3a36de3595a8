"""kill -9 at random moments; `make torture` does the same for longer."""

import json
import os
import subprocess
import sys

import pytest

from torture.source import save_a_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "model.recurra"
    save_a_model(path)
    return path


def killed(model, folder, *options):
    command = [sys.executable, "-m", "torture.kills", str(model), str(folder / "states"), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    ("every", "batches", "apart"), [("batch", 300, 8), ("hand", 1500, 12), ("2", 1500, 30)]
)
def test_states_are_those_of_a_run_that_was_never_killed(model, tmp_path, every, batches, apart):
    options = ["--commit-every", every, "--batches", str(batches), "--apart", str(apart)]
    done = killed(model, tmp_path, *options)

    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["batches"] == batches
    assert record["kills"] >= 10


def test_a_cursor_that_is_ahead_of_the_states_is_noticed(model, tmp_path):
    done = killed(model, tmp_path, "--batches", "100", "--ahead", "1")

    assert done.returncode == 1
    assert "AssertionError" in done.stderr
