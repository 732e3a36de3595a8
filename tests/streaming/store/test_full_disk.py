"""A disk that is full: the commit says so, the store stays as it was, and nothing gets lost."""

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = [sys.executable, "-m", "tests.streaming.store.on_a_full_disk"]
MOUNT = 'mount -t tmpfs -o size=5m none "$0" && exec "$@"'


def run(command):
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def a_small_disk(folder):
    """The start of a command that finds a disk of 5 MiB in the folder."""
    if shutil.which("unshare") is None:
        pytest.skip("a small disk is mounted by unshare, and there is none")
    start = ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(folder)]
    tried = run([*start, "true"])
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    return start


def test_a_full_disk_loses_nothing(tmp_path):
    done = run([*a_small_disk(tmp_path), *SCRIPT, str(tmp_path), "disk"])

    assert done.returncode == 0, done.stderr
    *told, last = done.stdout.splitlines()
    assert len(told) == 3
    assert all(
        "cannot be written: the disk is full. Nothing is lost as long" in line for line in told
    )
    assert last == "nothing is lost"


def test_a_file_that_may_not_grow_loses_nothing(tmp_path):
    done = run([*SCRIPT, str(tmp_path), "limit"])

    assert done.returncode == 0, done.stderr
    *told, last = done.stdout.splitlines()
    assert len(told) == 3
    assert all("cannot be written" in line and "File too large" in line for line in told)
    assert last == "nothing is lost"
