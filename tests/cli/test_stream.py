"""``recurra stream``: right answers, states that are carried, and lines that are refused."""

import json
import shutil

import numpy as np
import pytest
import torch

import recurra as rc
from recurra.cli.answers import texts_of
from recurra.streaming import load
from recurra.streaming.streams import Streams
from tests.cli.conftest import TARGETS, states_in


def by_torch(path, values):
    """The answers of the torch layers to the whole sequence, (time, output)."""
    layers = load(path, torch=True).eval()
    with torch.no_grad():
        return layers(torch.tensor([values], dtype=torch.float32))[0][0].numpy()


def answered(out):
    return np.array([[float(cell) for cell in line.split("\t")] for line in out.splitlines()])


# --- the answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regress_sequences", "regress_steps"])
def test_the_numbers_are_those_of_the_whole_sequence_in_torch(
    recurra, models, walk, events_of, kind
):
    done = recurra("stream", models[kind].path, events_of(walk))

    assert (done.code, done.err) == (0, "")
    np.testing.assert_allclose(
        answered(done.out), by_torch(models[kind].path, walk), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["classify_sequences", "tag_steps"])
def test_the_classes_and_probabilities_are_those_of_the_whole_sequence_in_torch(
    recurra, models, walk, events_of, kind
):
    path = models[kind].path
    names = load(path).notes["classes"]
    shares = torch.softmax(torch.tensor(by_torch(path, walk)), dim=1).numpy()

    plain = recurra("stream", path, events_of(walk))
    as_json = recurra("stream", path, events_of(walk), "--json")

    best = [names[k] for k in shares.argmax(axis=1)]
    assert plain.out.splitlines() == best
    lines = [json.loads(line) for line in as_json.out.splitlines()]
    assert [line["line"] for line in lines] == list(range(2, 12))
    assert [line["class"] for line in lines] == best
    given = [[line["probabilities"][name] for name in names] for line in lines]
    np.testing.assert_allclose(given, shares, rtol=0, atol=1e-5)


def test_that_oracle_notices_a_state_that_is_not_carried(
    recurra, numbers, walk, events_of, monkeypatch
):
    stepped = Streams.step

    def forgetful(self, keys, xs, **options):
        ys = stepped(self, keys, xs, **options)
        self.reset(set(keys))
        return ys

    monkeypatch.setattr(Streams, "step", forgetful)

    done = recurra("stream", numbers, events_of(walk), "--max-batch", 1)

    error = np.abs(answered(done.out) - by_torch(numbers, walk)).max(axis=1)
    assert error[0] < 1e-5
    assert error[1:].max() > 1e-3


def test_events_may_be_csv_objects_lists_or_bare_numbers_from_a_pipe(recurra, numbers, walk):
    names = {"y": 1, "x": 0}
    forms = {
        "csv": "\n".join(["x,y", *(f"{x},{y}" for x, y in walk)]),
        "csv in another order, with more": "\n".join(
            ["note,y,x", *(f"hello,{y},{x}" for x, y in walk)]
        ),
        "csv without names": "\n".join(f"{x},{y}" for x, y in walk),
        "objects": "\n".join(json.dumps({n: row[k] for n, k in names.items()}) for row in walk),
        "lists": "\n".join(map(json.dumps, walk)),
    }

    answers = {form: recurra("stream", numbers, given=text).out for form, text in forms.items()}

    assert len(answers["csv"].splitlines()) == 10
    assert set(answers.values()) == {answers["csv"]}


def test_json_gives_a_number_as_a_number_with_all_its_bits(recurra, numbers, walk, events_of):
    done = recurra("stream", numbers, events_of(walk), "--json")

    lines = [json.loads(line) for line in done.out.splitlines()]
    y, _ = load(numbers).run(walk)
    np.testing.assert_allclose([line["answer"] for line in lines], y[:, 0], rtol=0, atol=1e-6)
    assert list(lines[0]) == ["line", "answer"]


def test_a_model_without_notes_answers_with_numbers_and_tabs(recurra, tmp_path):
    torch.manual_seed(0)
    model = rc.Recurrent(rc.cells.Elman(2, 3))
    rc.save(model, tmp_path / "bare.recurra")

    done = recurra("stream", tmp_path / "bare.recurra", given="1,2\n3,4\n")

    np.testing.assert_allclose(
        answered(done.out), by_torch(tmp_path / "bare.recurra", [[1, 2], [3, 4]]), atol=1e-6
    )


def test_a_model_of_indices_takes_one_index_an_event(recurra, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "embed.recurra"
    rc.save(rc.Stack(torch.nn.Embedding(4, 3), rc.Recurrent(rc.cells.GRU(3, 2))), path)

    done = recurra("stream", path, given="3\n0.5\n4\n-1\n0\n1e30\n")

    np.testing.assert_allclose(
        answered(done.out), load(path).run(np.array([3, 0]))[0], rtol=0, atol=1e-6
    )
    assert done.code == 0
    assert done.err.splitlines() == [
        "recurra: <stdin>, line 2: 0.5 is not an index (0, 1, 2, ...).",
        "recurra: <stdin>, line 3: the model has no such index.",
        "recurra: <stdin>, line 4: -1 is not an index (0, 1, 2, ...).",
        "recurra: <stdin>, line 6: 1e+30 is not an index (0, 1, 2, ...).",
        "recurra: 4 events could not be used.",
    ]


# --- the state ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_two_runs_with_a_folder_of_states_answer_exactly_as_one(
    recurra, models, walk, events_of, tmp_path, kind
):
    path, state = models[kind].path, tmp_path / "state"
    whole = recurra("stream", path, events_of(walk), "--json").out

    first = recurra("stream", path, events_of(walk[:4]), "--json", "--state", state).out
    second = recurra("stream", path, events_of(walk[4:]), "--json", "--state", state).out

    def without_lines(text):
        return [{**json.loads(line), "line": 0} for line in text.splitlines()]

    assert without_lines(first + second) == without_lines(whole)


def test_keys_that_take_turns_answer_exactly_as_each_alone(
    recurra, numbers, walk, events_of, tmp_path
):
    keys = [*"abaabbbaab"]
    alone = {}
    for key in "ab":
        own = [x for x, whose in zip(walk, keys, strict=True) if whose == key]
        alone[key] = recurra("stream", numbers, events_of(own)).out.splitlines()

    first = recurra("stream", numbers, events_of(walk[:5], keys=keys[:5]), "--key", "user",
                    "--state", tmp_path / "states").out  # fmt: skip
    second = recurra("stream", numbers, events_of(walk[5:], keys=keys[5:]), "--key", "user",
                     "--state", tmp_path / "states").out  # fmt: skip

    lines = [line.split("\t") for line in (first + second).splitlines()]
    assert [key for key, _ in lines] == keys
    for key in "ab":
        assert [answer for k, answer in lines if k == key] == alone[key]
    assert list(states_in(tmp_path / "states")) == ["a", "b"]


def test_a_key_with_tabs_and_line_ends_stays_on_its_line(recurra, numbers):
    event = json.dumps({"user": "a\tb\nc", "x": 1, "y": 2})

    plain = recurra("stream", numbers, "--key", "user", given=event)
    as_json = recurra("stream", numbers, "--key", "user", "--json", given=event)

    assert plain.out.count("\n") == plain.out.count("\t") == 1
    assert plain.out.startswith(r"a\tb\nc" + "\t")
    assert json.loads(as_json.out)["key"] == "a\tb\nc"


def test_the_state_of_another_model_is_refused_before_any_event_is_read(
    recurra, models, walk, events_of, tmp_path
):
    state, out = tmp_path / "state", tmp_path / "out"
    recurra("stream", models["regress_steps"].path, events_of(walk), "--state", state)
    kept = states_in(state)

    done = recurra(
        "stream", models["tag_steps"].path, events_of(walk), "--state", state, "--out", out
    )

    assert (done.code, done.out) == (2, "")
    assert "made under another model" in done.err
    assert len(done.err.splitlines()) == 1
    assert not out.exists()
    np.testing.assert_equal(states_in(state), kept)


def test_states_with_and_without_keys_are_not_mixed_up(recurra, numbers, walk, events_of, tmp_path):
    alone, keyed = tmp_path / "alone", tmp_path / "keyed"
    keys = ["a"] * 10
    recurra("stream", numbers, events_of(walk), "--state", alone)
    recurra("stream", numbers, events_of(walk, keys=keys), "--key", "user", "--state", keyed)

    first = recurra(
        "stream", numbers, events_of(walk, keys=keys), "--key", "user", "--state", alone
    )
    second = recurra("stream", numbers, events_of(walk), "--state", keyed)

    assert first.err.endswith("holds the state of a stream without keys. Leave out --key.\n")
    assert second.err.endswith(
        "holds states by key (1, such as 'a'). Name the column of the keys with --key.\n"
    )
    assert (first.code, first.out, second.code, second.out) == (2, "", 2, "")


# --- what cannot be used --------------------------------------------------------------------------

BAD = [
    ("x,y\n1,2\n1,abc\n3,4\n", 3, "column 'y': 'abc' is not a number.", "1,abc"),
    ("x,y\n1,2\n1,inf\n3,4\n", 3, "column 'y': 'inf' is not a finite number.", "1,inf"),
    ("x,y\n1,2\n1,\n3,4\n", 3, "column 'y': the value is missing.", "1,"),
    ("x,y\n1,2\n1\n3,4\n", 3, "1 cell, the header has 2.", "1"),
    ("1,2\n\n1,2,3\n3,4\n", 3, "3 values, wanted 2.", "1,2,3"),
    (
        '{"x": 1, "y": 2}\n\n{"x": 1}\n{"x": 3, "y": 4}',
        3,
        "there is no column 'y'. There are: x.",
        '{"x": 1}',
    ),
    (
        '[1, 2]\n\n{"x": 1\n[3, 4]\n',
        3,
        "broken JSON at character 8: Expecting ',' delimiter.",
        '{"x": 1',
    ),
]


@pytest.mark.parametrize(("text", "line", "reason", "raw"), BAD)
@pytest.mark.parametrize("most", [1, 4096])
def test_a_bad_event_stops_nothing_moves_no_state_and_is_kept_with_its_line_and_reason(
    recurra, numbers, tmp_path, text, line, reason, raw, most
):
    state, good, file = tmp_path / "state", tmp_path / "good", tmp_path / "rejects"
    wanted = recurra("stream", numbers, "--state", good, given="1,2\n3,4\n")

    done = recurra("stream", numbers, "--state", state, "--rejects", file, "--max-batch", most,
                   given=text)  # fmt: skip

    assert (done.code, done.out) == (0, wanted.out)
    assert done.err == f"recurra: 1 event could not be used: see {file}.\n"
    assert json.loads(file.read_text()) == {"line": line, "reason": reason, "text": raw}
    np.testing.assert_equal(states_in(state), states_in(good))


def test_without_a_file_for_them_the_first_five_bad_events_are_told(recurra, numbers, tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("x,y\n1,2\n" + "NaN,2\n" * 7)

    done = recurra("stream", numbers, path, "--max-batch", 3)

    assert (done.code, len(done.out.splitlines())) == (0, 1)
    assert done.err.splitlines() == [
        *(
            f"recurra: {path}, line {line}, column 'x': 'NaN' is not a finite number."
            for line in range(3, 8)
        ),
        "recurra: 7 events could not be used; the first 5 are above. "
        "Keep them with --rejects FILE.",
    ]


def test_no_event_is_answered_when_the_header_does_not_fit(recurra, numbers, tmp_path):
    for text in ("", "x,z\n1,2\n", "a,b\n"):
        done = recurra("stream", numbers, "--state", tmp_path / "state", given=text)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert states_in(tmp_path / "state") == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "1 0\n",
            "<stdin>, line 1: '1 0' is not a number, wanted 2 values. "
            "Separate values with commas, not spaces.",
        ),
        (
            "1;0\n2;1\n",
            "<stdin>, line 1: '1;0' is not a number, wanted 2 values. "
            "Separate values with commas, not semicolons.",
        ),
        ("hello\n", "<stdin>, line 1: {}"),
        ("a,b,c\n1,2,3\n", "<stdin>, line 1: {}"),
        ("x,y\n", "<stdin>: there are no events, only the names of the columns."),
        ("", "<stdin>: there are no events."),
    ],
)
def test_a_header_that_cannot_fit_is_one_line_before_anything_else(
    recurra, numbers, tmp_path, text, line
):
    bare = tmp_path / "bare.recurra"
    rc.save(rc.Recurrent(rc.cells.Elman(2, 3)), bare)
    names = text.split("\n")[0].split(",")
    count = "1 feature" if len(names) == 1 else f"{len(names)} features"
    own = {
        numbers: f"there is no column 'x'. There are: {', '.join(names)}.",
        bare: f"the header names {count} ({', '.join(names)}), wanted 2.",
    }

    for model, message in own.items():
        done = recurra("stream", model, given=text)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"recurra: {line.format(message)}\n"


def test_the_names_of_a_models_ten_features_are_counted(recurra, tmp_path):
    path = tmp_path / "ten.recurra"
    rc.save(rc.Recurrent(rc.cells.Elman(10, 3)), path)

    few = recurra("stream", path, given="1 0 0\n")
    all_ten = recurra("stream", path, given=" ".join("1" * 10) + "\n")
    good = recurra("stream", path, given=",".join("abcdefghij") + "\n" + ",".join("1" * 10))

    for done, cell in ((few, "1 0 0"), (all_ten, "1 1 1 1 1 1 1 1 1 1")):
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"recurra: <stdin>, line 1: '{cell}' is not a number, wanted 10 values. "
            "Separate values with commas, not spaces.\n"
        )
    assert (good.code, len(good.out.splitlines()), good.err) == (0, 1, "")


def test_a_wrong_key_is_refused(recurra, numbers, walk, events_of):
    feature = recurra("stream", numbers, events_of(walk), "--key", "x")
    missing = recurra("stream", numbers, events_of(walk), "--key", "user")
    nameless = recurra("stream", numbers, "--key", "user", given="1,2\n3,4\n")

    assert "--key x: is a feature of the model." in feature.err
    assert "line 1: there is no column 'user'." in missing.err
    assert "line 1: no column 'user': --key needs a header or objects.\n" in nameless.err
    assert (feature.code, missing.code, nameless.code, nameless.out) == (2, 2, 0, "")


def test_files_that_are_no_models_are_refused_in_one_line(
    recurra, numbers, walk, events_of, folder
):
    data = numbers.read_bytes()
    (folder / "cut.recurra").write_bytes(data[: len(data) // 2])
    (folder / "flipped.recurra").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (folder / "foreign.recurra").write_text("x,y\n1,2\n")
    (folder / "nothing.recurra").write_bytes(b"")

    for name in ("cut", "flipped", "foreign", "nothing", "absent"):
        path = folder / f"{name}.recurra"
        for command in ("stream", "inspect"):
            given = [events_of(walk)] if command == "stream" else []
            done = recurra(command, path, *given)
            assert (done.code, done.out) == (2, "")
            assert len(done.err.splitlines()) == 1
            assert done.err.startswith(f"recurra: {path}: ")


def test_a_model_that_needs_the_future_is_refused(recurra, tmp_path):
    path = tmp_path / "both.recurra"
    rc.save(rc.Bidirectional(rc.cells.GRU(2, 3)), path)

    done = recurra("stream", path, given="1,2\n")

    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "stream" in done.err


def test_an_event_of_another_width_than_a_bare_model_takes_is_refused(recurra, tmp_path):
    rc.save(rc.Recurrent(rc.cells.Elman(2, 3)), tmp_path / "bare.recurra")

    done = recurra("stream", tmp_path / "bare.recurra", given="1,2,3\n")

    assert done.err.startswith("recurra: <stdin>, line 1: 3 values, wanted 2.\n")


@pytest.mark.parametrize("most", [1, 4096])
def test_an_event_whose_answer_is_not_finite_leaves_its_state_as_it_was(recurra, tmp_path, most):
    path, state, file = tmp_path / "mean.recurra", tmp_path / "state", tmp_path / "rejects"
    rc.save(rc.Recurrent(rc.cells.Mean(1)), path)
    text = "who,x\na,1\na,3e38\nb,5\na,-3e38\na,2\nb,7\n"

    done = recurra("stream", path, "--state", state, "--rejects", file, "--key", "who",
                   "--max-batch", most, given=text)  # fmt: skip

    good = recurra("stream", path, "--state", tmp_path / "good", "--key", "who",
                   given=text.replace("a,-3e38\n", ""))  # fmt: skip
    assert (done.code, done.out) == (0, good.out)
    assert len(good.out.splitlines()) == 5
    assert json.loads(file.read_text()) == {
        "line": 5, "reason": "the model's answer is not finite.", "text": "a,-3e38"
    }  # fmt: skip
    np.testing.assert_equal(states_in(state), states_in(tmp_path / "good"))


def test_numbers_are_written_as_numpy_writes_them():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    usual = (10.0 ** rng.uniform(-6, 8, 20_000) * rng.choice([-1, 1], 20_000)).astype(np.float32)
    exact = np.float32([0, -0.0, 1, 1e-4, 9.9999e-5, 999999.94, 1e6, 1e16, 3e38, 1e-45])
    singles = np.concatenate([bits[np.isfinite(bits)], usual, np.round(usual), exact])

    for numbers in (singles, singles.astype(np.float64) / 3, np.arange(3), singles[:0]):
        assert texts_of(numbers) == [str(number) for number in numbers]


# --- options that cannot be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "--resume: needs the folder that keeps the states. Name it with --state."),
        (["--hold"], "--hold: needs the folder that keeps the states. Name it with --state."),
        (
            ["--state", "s", "--commit-every", "soon"],
            "--commit-every soon: is neither milliseconds nor: batch.",
        ),
        (["--state", "no/s"], "no/s: there is no folder no."),
        (["--out", "no/out"], "no/out: there is no such file."),
        (
            ["--out", "model"],
            "--out model: is used for something else here. Name another file.",
        ),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    recurra, numbers, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(numbers, "model")

    done = recurra("stream", "model", *options, given="1,2\n")

    assert (done.code, done.out, done.err) == (2, "", f"recurra: {message}\n")
