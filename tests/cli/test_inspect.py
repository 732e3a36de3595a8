"""``recurra inspect``: the page, and which sequence is drawn."""

import json

import numpy as np
import pytest
import torch

import recurra as rc
from recurra import drawing
from recurra.cli.describing import notes_page
from recurra.streaming import load

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def drawn(monkeypatch):
    """The sequences that are run for a picture."""
    seen = []
    true = drawing.record

    def record(layer, x):
        seen.append(x)
        return true(layer, x)

    monkeypatch.setattr(drawing, "record", record)
    return seen


def test_the_page_says_what_the_model_is_and_what_was_noted(recurra, models):
    path = models["tag_steps"].path
    done = recurra("inspect", path)
    page = " ".join(done.out.split())

    assert done.code == 0
    assert load(path).fingerprint in page
    for part in (
        "LSTM(input_size=2, hidden_size=5",
        "takes 2 features",
        "c_t = σ(f) ⊙ c_{t-1} + σ(i) ⊙ tanh(u)",
        "1.h (5), 1.c (5)",
        "task tag_steps",
        "classes high, low",
        "features x, y",
        "score on 5 of 24 sequences, accuracy",
    ):
        assert part in page


def test_the_sequence_that_is_named_is_drawn_in_the_order_of_its_time(
    recurra, classes, table, tmp_path, drawn
):
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    wanted = [[float(row[2]), float(row[3])] for row in rows if row[0] == "s7"]
    head, *rest = table.read_text().splitlines()
    (tmp_path / "mixed.csv").write_text("\n".join([head, *rest[::-1]]))
    picture = tmp_path / "seven.png"

    done = recurra("inspect", classes, "--input", tmp_path / "mixed.csv", "--sequence", "s7",
                   "--picture", picture)  # fmt: skip

    assert done.code == 0
    steps = len(wanted)
    last = f"Drawn: {picture} ({steps} steps, sequence s7, one of 24 sequences)"
    assert done.out.splitlines()[-1] == last
    assert drawn[0].tolist() == np.float32(wanted).tolist()
    assert picture.read_bytes().startswith(PNG)


def test_without_a_name_the_first_sequence_is_drawn_into_states_png(
    recurra, numbers, table, tmp_path, drawn, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    done = recurra("inspect", numbers, "--input", table)

    assert ", sequence s0, one of 24 sequences)" in done.out.splitlines()[-1]
    assert (tmp_path / "states.png").read_bytes().startswith(PNG)


def test_a_model_without_notes_is_drawn_on_events(recurra, tmp_path, drawn):
    rc.save(rc.Stack(rc.Recurrent(rc.cells.GRU(2, 3))), tmp_path / "bare.recurra")
    lines = [{"user": "ab"[k % 2], "x": k, "y": -k} for k in range(6)]
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
    picture = tmp_path / "states.svg"

    done = recurra("inspect", tmp_path / "bare.recurra", "--input", tmp_path / "events.jsonl",
                   "--key", "user", "--sequence", "b", "--picture", picture)  # fmt: skip

    assert done.code == 0
    assert drawn[0].tolist() == [[1, -1], [3, -3], [5, -5]]
    assert "<svg" in picture.read_text()


def test_a_model_of_indices_is_drawn(recurra, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "embed.recurra"
    rc.save(rc.Stack(torch.nn.Embedding(4, 3), rc.Recurrent(rc.cells.GRU(3, 2))), path)
    (tmp_path / "e.csv").write_text("3\n0\n1\n")

    done = recurra("inspect", path, "--input", tmp_path / "e.csv", "--picture", tmp_path / "e.png")

    assert done.code == 0, done.err
    assert (tmp_path / "e.png").exists()
    for text, line in [
        ("3\n4\n", "--input: holds an index that the model does not have."),
        ("3\n0.5\n", "--input: the model takes one index (0, 1, 2, ...) a step."),
    ]:
        (tmp_path / "e.csv").write_text(text)
        bad = recurra(
            "inspect", path, "--input", tmp_path / "e.csv", "--picture", tmp_path / "f.png"
        )
        assert (bad.code, bad.err) == (2, f"recurra: {line}\n")
    assert not (tmp_path / "f.png").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--sequence", "s77"], "there is no sequence 's77'. Did you mean 's7'?"),
        (["--key", "ident"], "walks.csv, line 1: there is no column 'ident'."),
        (["--picture", "states.xyz"], "states.xyz: cannot draw to .xyz, expected one of"),
        (["--picture", "nowhere/states.png"], "there is no folder nowhere. Make it first."),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(recurra, classes, table, arguments, line):
    done = recurra("inspect", classes, "--input", table, *arguments)

    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert line in done.err


def test_other_refusals_name_what_is_missing(recurra, classes, tmp_path, events_of):
    (tmp_path / "z.csv").write_text("x,z\n1,2\n")
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n1,abc\n")

    no_input = recurra("inspect", classes, "--sequence", "a")
    column = recurra("inspect", classes, "--input", tmp_path / "z.csv")
    value = recurra("inspect", classes, "--input", tmp_path / "bad.csv")
    one = recurra("inspect", classes, "--input", events_of([[1, 2]]), "--sequence", "a")

    assert "Give its file with --input." in no_input.err
    assert "z.csv, line 1: there is no column 'y'." in column.err
    assert "bad.csv, line 3, column 'y': 'abc' is not a number." in value.err
    assert "no column tells its sequences apart" in one.err
    assert {no_input.code, column.code, value.code, one.code} == {2}


def test_a_table_that_cannot_be_grouped_names_the_options_of_the_command(
    recurra, classes, tmp_path
):
    (tmp_path / "t.csv").write_text("t,x,y\n0,1,2\n0,3,4\n")

    twice = recurra("inspect", classes, "--input", tmp_path / "t.csv")
    feature = recurra("inspect", classes, "--input", tmp_path / "t.csv", "--key", "x")

    assert "If the file holds several sequences, name their column: --key.\n" in twice.err
    assert "--key x: is a feature of the model." in feature.err
    assert (twice.code, feature.code) == (2, 2)


def test_notes_cannot_steer_the_terminal_and_wrap_in_their_column():
    page = notes_page({"answers": "\x1b[2Jgone", "classes": [f"class {k}" for k in range(12)]}, 50)

    assert "\x1b" not in page
    assert max(map(len, page.splitlines())) <= 50
    assert page.splitlines()[4].startswith(" " * 17)


def test_notes_of_another_making_do_no_harm(recurra, tmp_path):
    notes = {"features": "xy", "classes": [1, 2, 3], "sequence": 7, "target": None, "deep": [[{}]]}
    path = tmp_path / "odd.recurra"
    rc.save(rc.Recurrent(rc.cells.GRU(2, 3)), path, notes=notes)

    streamed = recurra("stream", path, given="1,2\n")
    inspected = recurra("inspect", path)

    assert (streamed.code, inspected.code) == (0, 0)
    assert len(streamed.out.split("\t")) == 3
    assert np.isfinite([float(cell) for cell in streamed.out.split("\t")]).all()


def test_of_many_classes_the_likeliest_are_drawn_in_their_order():
    from recurra.cli.pictures import MOST_CLASSES, _likeliest

    shares = np.full((3, 40), 0.01)
    shares[1, 30], shares[2, 7] = 0.6, 0.5

    few, names = _likeliest(shares, [f"class {k}" for k in range(40)])

    assert few.shape == (3, MOST_CLASSES)
    assert "class 30" in names
    assert names.index("class 7") < names.index("class 30")
    assert few[:, names.index("class 30")].tolist() == [0.01, 0.6, 0.01]
