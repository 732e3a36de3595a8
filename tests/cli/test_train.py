"""``recurra train``: what it says, what it saves, and that a failure leaves nothing."""

import json
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from recurra.cli.problems import from_data_set, from_table
from recurra.cli.problems.problem import Part, Problem
from recurra.cli.problems.scoring import score
from recurra.cli.problems.split import held_out_sequences
from recurra.streaming import load
from tests.cli.conftest import TARGETS, write_csv


@pytest.mark.parametrize("kind", TARGETS)
def test_it_says_what_it_inferred_and_ends_with_a_score_on_what_it_held_out(models, kind):
    said = models[kind].said.splitlines()

    assert "Sequences: column 'id' (a usual name): 24 sequences of 3 to 7 steps." in said
    assert "Order: the steps are sorted by column 't' (a usual name)." in said
    assert "Features: x, y (as given)." in said
    assert any(line.startswith(f"Target: column {models[kind].target!r}") for line in said)
    assert "Held out: 5 of 24 sequences." in said
    assert any(line.startswith("Score: ") for line in said)
    assert said[-1] == f"Next: recurra stream {models[kind].path} EVENTS --key id"


@pytest.mark.parametrize("kind", TARGETS)
def test_the_file_keeps_names_meaning_and_score(models, kind):
    notes = load(models[kind].path).notes

    assert notes["task"] == kind
    assert notes["features"] == ["x", "y"]
    assert notes["target"] == models[kind].target
    assert (notes["sequence"], notes["time"]) == ("id", "t")
    wanted = {"classify_sequences": ["down", "up"], "tag_steps": ["high", "low"]}
    assert notes.get("classes") == wanted.get(kind)
    assert notes["score"]["on"] == "5 of 24 sequences"
    assert ("accuracy" in notes["score"]) == ("classes" in notes)
    assert ("mean_absolute_error" in notes["score"]) == ("classes" not in notes)


def judged_by_hand(path, table, target):
    """The held-out score, computed from the model file alone with numpy."""
    notes = load(path).notes
    problem = from_table(
        table, target=target, sequence=None, time=None, features=["x", "y"], kind=None, seed=0
    )
    model = load(path)
    answers = [model.run(x)[0] for x in problem.test.sequences]
    if not problem.per_step:
        answers = [y[-1:] for y in answers]
    return problem, np.concatenate(answers), notes["score"]


@pytest.mark.parametrize("kind", ["classify_sequences", "tag_steps"])
def test_the_accuracy_is_the_share_of_right_answers_of_the_saved_model(models, table, kind):
    problem, answers, score = judged_by_hand(models[kind].path, table, models[kind].target)
    wanted = np.hstack(problem.test.targets)

    assert score["accuracy"] == np.mean(answers.argmax(axis=1) == wanted)


@pytest.mark.parametrize("kind", ["regress_sequences", "regress_steps"])
def test_the_errors_are_those_of_the_saved_model_as_scikit_learn_counts_them(models, table, kind):
    from sklearn.metrics import mean_absolute_error, r2_score

    problem, answers, score = judged_by_hand(models[kind].path, table, models[kind].target)
    wanted = np.hstack(problem.test.targets)
    mean = np.full(len(wanted), np.hstack(problem.train.targets).mean())

    assert score["r2"] == pytest.approx(r2_score(wanted, answers[:, 0]), abs=1e-5)
    ours, plain = mean_absolute_error(wanted, answers[:, 0]), mean_absolute_error(wanted, mean)
    assert score["mean_absolute_error"] == pytest.approx(ours, abs=1e-5)
    assert score["mean_absolute_error_of_mean"] == pytest.approx(plain, abs=1e-5)


def test_json_lines_and_parquet_give_the_same_model_as_csv(recurra, table, models, tmp_path):
    whole = pa.csv.read_csv(table)
    pa.parquet.write_table(whole, tmp_path / "walks.parquet")
    lines = [json.dumps(row) for row in whole.to_pylist()]
    Path(tmp_path, "walks.jsonl").write_text("\n".join(lines))

    for name in ("walks.parquet", "walks.jsonl"):
        done = recurra(
            "train", tmp_path / name, "--target", "word", "--features", "x,y",
            "--hidden", 5, "--epochs", 2, "--out", tmp_path / "again.recurra",
        )  # fmt: skip
        assert done.code == 0
        again = load(tmp_path / "again.recurra")
        assert again.fingerprint == load(models["classify_sequences"].path).fingerprint


def test_another_seed_gives_another_model(recurra, table, models, tmp_path):
    out = tmp_path / "other.recurra"
    recurra("train", table, "--target", "word", "--features", "x,y", "--hidden", 5,
            "--epochs", 2, "--seed", 1, "--out", out)  # fmt: skip

    assert load(out).fingerprint != load(models["classify_sequences"].path).fingerprint


def test_of_one_long_sequence_the_last_fifth_of_the_steps_is_judged(recurra, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300).round(4)
    path = write_csv(tmp_path / "one.csv", ["x", "sum"], zip(x, np.cumsum(x), strict=True))

    done = recurra("train", path, "--target", "sum", "--hidden", 3, "--epochs", 1,
                   "--out", tmp_path / "one.recurra")  # fmt: skip

    assert "Held out: the last 60 steps of 300." in done.out
    assert "Training: on pieces of up to 128 steps" in done.out
    model = load(tmp_path / "one.recurra")
    y = model.run(x[:, None])[0][240:, 0]
    error = np.abs(y - np.cumsum(x)[240:]).mean()
    assert model.notes["score"]["mean_absolute_error"] == pytest.approx(error, rel=1e-4)


def test_every_class_is_held_out_in_its_share_and_none_is_lost_to_training():
    targets = [0] * 50 + [1] * 10 + [2]

    train, test = held_out_sequences(targets, classes=True, seed=5)

    assert np.bincount(np.array(targets)[test], minlength=3).tolist() == [10, 2, 0]
    assert sorted([*train, *test]) == list(range(61))


def test_water_flow_is_judged_beside_saying_the_last_value_again(recurra, tmp_path):
    out = tmp_path / "flow.recurra"
    done = recurra("train", "--data", "water-flow", "--hidden", 3, "--epochs", 1, "--out", out)

    assert done.code == 0
    problem, model = from_data_set("water-flow"), load(out)
    (series,), start = problem.test.sequences, problem.test.judged_from
    now, to_come = series[start:, 0], problem.test.targets[0][start:]
    ours = np.abs(model.run(series)[0][start:, 0] - to_come).mean()
    assert len(now) == 254
    assert model.notes["score"]["mean_absolute_error"] == pytest.approx(ours, rel=1e-4)
    last = model.notes["score"]["mean_absolute_error_of_last_value"]
    assert last == pytest.approx(np.abs(now - to_come).mean(), rel=1e-6)
    verdict = "worse: not worth a model" if ours > last else "better"
    assert verdict in done.out


def test_the_speakers_are_judged_by_the_authors_test_set(recurra, tmp_path):
    out = tmp_path / "vowels.recurra"
    done = recurra("train", "--data", "japanese-vowels", "--hidden", 4, "--epochs", 1, "-o", out)

    assert done.code == 0
    assert load(out).notes["classes"][8] == "speaker 9"
    assert "of 370 sequences right" in done.out


# --- what is refused ------------------------------------------------------------------------------


def refusals(table):
    """Arguments and the line they must give."""
    lines, folder = table.read_text().splitlines(), table.parent
    for value in ("abc", "nan"):
        cells = lines[3].split(",")
        broken = [*lines[:3], ",".join([*cells[:2], value, *cells[3:]]), *lines[4:]]
        Path(folder, f"{value}.csv").write_text("\n".join(broken))
    Path(folder, "empty.csv").write_text("")
    return {
        "no such file": (
            ["nowhere.csv", "--target", "word"],
            "nowhere.csv: there is no such file.",
        ),
        "empty": ([folder / "empty.csv", "--target", "word"], "empty.csv: the file is empty."),
        "missing column": (
            [table, "--target", "wrod"],
            "walks.csv, line 1: there is no column 'wrod'. Did you mean 'word'? There are: "
            "id, t, x, y, word, sum, high, mean.",
        ),
        "no target": ([table], "walks.csv: which column is to be learned? Say --target COLUMN."),
        "a word": (
            [folder / "abc.csv", "--target", "word"],
            "abc.csv, line 4, column 'x': 'abc' is not a number. Correct it, or name the "
            "columns to use with --features.",
        ),
        "not finite": (
            [folder / "nan.csv", "--target", "word", "--features", "x"],
            "nan.csv, line 4, column 'x': 'nan' is not a finite number. Correct it, or name the "
            "columns to use with --features.",
        ),
        "unknown cell": (
            [table, "--target", "word", "--cell", "gur"],
            "--cell: there is no cell 'gur'. Did you mean 'gru'? There are: elman, gru, lstm.",
        ),
        "unknown data": (
            ["--data", "vowels"],
            "there is no data set 'vowels'. There are: japanese-vowels, water-flow.",
        ),
        "both": ([table, "--data", "water-flow"], "train: give either a table or --data NAME."),
        "neither": ([], "train: give either a table or --data NAME."),
        "a column of a data set": (
            ["--data", "water-flow", "--target", "x"],
            "--target: is for tables; a built-in data set has its own columns.",
        ),
        "target changes": (
            [table, "--target", "sum", "--kind", "regress_sequences"],
            "For a target at every step choose another --kind.",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "no such file", "empty", "missing column", "no target", "a word", "not finite",
        "unknown cell", "unknown data", "both", "neither", "a column of a data set",
        "target changes",
    ],
)  # fmt: skip
def test_it_refuses_in_one_line_with_code_2_and_writes_nothing(recurra, table, tmp_path, name):
    arguments, line = refusals(table)[name]
    out = tmp_path / "model.recurra"

    done = recurra("train", *arguments, "--out", out)

    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("recurra: ")
    assert done.err.endswith(f"{line}\n")
    assert list(tmp_path.iterdir()) == []


def test_it_refuses_a_place_it_could_not_write_to_before_it_trains(recurra, table, tmp_path):
    lost = recurra("train", table, "--target", "word", "--out", tmp_path / "no" / "m.recurra")
    over = recurra("train", table, "--target", "word", "--out", table)
    into = recurra("train", table, "--target", "word", "--out", tmp_path)

    assert (lost.code, over.code, into.code) == (2, 2, 2)
    assert lost.err.endswith(f"there is no folder {tmp_path / 'no'}. Make it first.\n")
    assert "walks.csv: is the table." in over.err
    assert "is a folder, expected the name of a file." in into.err
    assert lost.out == over.out == into.out == ""


def test_too_little_data_is_refused(recurra, tmp_path):
    one = write_csv(tmp_path / "one.csv", ["id", "x", "n"], [("a", 1, 0.5), ("a", 2, 0.5)])
    step = write_csv(tmp_path / "step.csv", ["x", "n"], [(1, 0.5)])
    tail = write_csv(tmp_path / "tail.csv", ["x", "n"], [(1, "no")] * 9 + [(1, "yes")])

    for path, line in [
        (one, "one sequence with one target leaves nothing to hold out."),
        (step, "leaves nothing to hold out."),
        (tail, "without the held-out part only the class 'no' is left to learn from"),
    ]:
        done = recurra("train", path, "--target", "n", "--out", tmp_path / "model.recurra")
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert line in done.err
    assert not (tmp_path / "model.recurra").exists()


def test_ctrl_c_in_training_ends_with_130_and_leaves_the_former_model(
    recurra, table, classes, tmp_path, monkeypatch
):
    from recurra.training import trainer

    def interrupted(self, display):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.Trainer, "run_epoch", interrupted)
    out = tmp_path / "model.recurra"
    former = classes.read_bytes()
    out.write_bytes(former)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        done = recurra("train", table, "--target", "word", "--out", out)

    assert (done.code, done.err) == (130, "recurra: interrupted\n")
    assert out.read_bytes() == former
    assert seen == []


def test_only_a_model_is_replaced_by_one(recurra, table, classes, tmp_path):
    out = tmp_path / "out"
    options = ("--target", "word", "--features", "x", "--epochs", 1, "--hidden", 2, "--out", out)
    out.write_text("a,b\n1,2\n")
    done = recurra("train", table, *options)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"recurra: {out}: is there already and is no model file of recurra. Give the model another "
        "name with --out, or remove the file.\n"
    )
    assert out.read_text() == "a,b\n1,2\n"
    for replaced in (classes.read_bytes(), b""):
        out.write_bytes(replaced)
        assert recurra("train", table, *options).code == 0
        assert load(out).input_size == 1


def test_a_column_that_float32_rounds_away_is_one_line(recurra, tmp_path):
    rows = [(k, k % 5, 1.7e9 + k % 5) for k in range(20)]
    path = write_csv(tmp_path / "far.csv", ["id", "x", "sum"], rows)
    done = recurra("train", path, "--target", "sum", "--out", tmp_path / "m.recurra")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "far.csv, column 'sum': varies by 1.41 around 1.7e+09" in done.err


def test_the_plainest_answer_is_the_class_that_training_saw_most_often():
    learned, wanted = [0, 1, 1, 1], [0, 1, 1, 1, 1]
    x = np.zeros((1, 1), dtype=np.float32)
    problem = Problem(
        task="classify_sequences",
        train=Part([x] * 4, learned),
        test=Part([x] * 5, wanted),
        sentences=(),
        features=("x",),
        classes=("no", "yes"),
        target="word",
        judged="a part",
    )
    assert score(problem, [0, 0, 0, 0, 0]).numbers == {"accuracy": 0.2, "most_frequent_class": 0.8}
