"""Runs the documentation's examples as tests; it stands up here so that README.md is seen too."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

# Before numpy and torch are loaded: small matrices gain nothing from threads, and no test opens
# a window.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# Started in the background, by nohup or a job runner, this process would ignore them, and so would
# every command that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def enter_a_folder_of_its_own(namespace):
    namespace["_home"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(namespace["_folder"].name)


def leave_it(namespace):
    os.chdir(namespace["_home"])
    namespace["_folder"].cleanup()


# Every ```python block of a page runs, from top to bottom, in one namespace.
pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["*.md"],
    setup=enter_a_folder_of_its_own,
    teardown=leave_it,
).pytest()


@pytest.fixture(autouse=True)
def _doctests_write_elsewhere(request, monkeypatch):
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(request.getfixturevalue("tmp_path"))
