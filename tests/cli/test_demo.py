"""The demo tells its story from what it computes, and what it trains keeps its promises."""

import io
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

import recurra as rc
from recurra.cells import GRU, LSTM, Elman
from recurra.cli.app import app
from recurra.cli.demo.idea import two_input_window, without_a_state
from recurra.cli.demo.learning import train_all
from recurra.cli.demo.running import save_all, stream_all

MODELS = {
    "repeats-elman", "repeats-lstm", "repeats-gru",
    "seen-elman", "seen-lstm", "seen-gru",
    "vowels-gru",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A small demo: its output and its folder."""
    out = tmp_path_factory.mktemp("demo") / "out"
    command = [sys.executable, "-m", "recurra", "demo", "--out", str(out), "--scale", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, out


def test_the_demo_leaves_a_picture_and_models_that_load(told):
    text, out = told

    assert {path.stem for path in out.glob("*.recurra")} == MODELS
    assert matplotlib.image.imread(out / "states.png").shape[0] > 500
    assert "states.png" in text
    for path in out.glob("*.recurra"):
        assert rc.load(path).stream().step(np.zeros(12 if "vowels" in path.stem else 10)).size


def test_the_demo_shows_what_a_layer_without_a_state_answers(told):
    assert "F(3) = 6   F(3) = 6   F(3) = 6" in told[0]


def test_that_answer_is_computed(monkeypatch):
    console = Console(file=io.StringIO(), width=100)
    monkeypatch.setattr(torch.nn.Linear, "forward", lambda self, x: x + 4)

    without_a_state(console)

    assert "F(3) = 7   F(3) = 7   F(3) = 7" in console.file.getvalue()


def test_a_window_is_right_as_often_as_counting_says():
    console = Console(file=io.StringIO(), width=100)

    two_input_window(console)

    # A window of one sees only the newest symbol and best says "seen" always: of 32 uniform symbols
    # over 10, the expected share seen before is 1 - (10 / 32) (1 - 0.9^32).
    expected = 1 - 10 / 32 * (1 - 0.9**32)
    shown = console.file.getvalue().split("1 symbol ")[1].split("%")[0]
    assert float(shown) == pytest.approx(100 * expected, abs=0.5)


def test_trained_cells_stream_a_hundred_thousand_symbols_without_an_error(tmp_path):
    console = Console(file=io.StringIO())
    cells = [(question, cell) for question in ("repeats", "seen") for cell in ("LSTM", "GRU")]

    files = save_all(train_all(console, 0, 1.0, cells), tmp_path)
    for done in stream_all(console, files, 0, 1.0):
        if done.trained.question == "repeats":
            assert (done.sequences, done.events, done.wrong) == (1, 100_000, 0)
        else:
            assert done.right >= 0.99


def test_that_check_notices_a_cell_that_has_learned_too_little(tmp_path):
    console = Console(file=io.StringIO())

    files = save_all(train_all(console, 0, 0.01, [("repeats", "GRU")]), tmp_path)
    (done,) = stream_all(console, files, 0, 0.01)

    assert done.wrong > 0


def test_one_ctrl_c_ends_the_demo(tmp_path, monkeypatch):
    def press(*_, **__):
        presses.append(1)
        raise KeyboardInterrupt

    presses = []
    for cell in (Elman, LSTM, GRU):
        monkeypatch.setattr(cell, "update", press)

    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--scale", "0.01"])

    assert (done.exit_code, len(presses)) == (130, 1)
    assert "Done in" not in done.output
