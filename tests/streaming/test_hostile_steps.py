"""A step that is no honest program over the file's tensors is refused before it is planned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.sealing import forged, parts_of, recomputed
from recurra.errors import ModelFileError
from recurra.streaming import load, save
from tests.streaming.forging import JSON, at, places, refusal, with_lie
from tests.streaming.made import a_model

STEP = ("step",)
PROGRAM = ("step", "program")
X, H = (*PROGRAM, "inputs", 0), (*PROGRAM, "inputs", 1)
WEIGHT = (*PROGRAM, "inputs", 3)
FIRST = (*PROGRAM, "instructions", 0)

LIES = {
    "no program": (STEP, "program", {}, "has a step that is no program"),
    "another field": (STEP, "code", "print()", "has a step with other fields"),
    "signature": (STEP, "signature", "\x1b[2J", "cannot be shown"),
    "long signature": (STEP, "signature", "a" * (1 << 17), "cannot be shown"),
    "equations": (STEP, "equations", {"LSTM": 3}, "equations that are no text"),
    "equation": (STEP, "equations", {"LSTM": "fine\n\x1b[2J"}, "cannot be shown"),
    "parameters": (STEP, "parameters", -1, "says that it has -1 parameters"),
    "true parameters": (STEP, "parameters", True, "has a step with other fields"),
    "start": (STEP, "start", ["nothing"], "H_0 for 'nothing', which is no slot"),
    "start without tensor": (STEP, "start", ["0.h"], "lacks the tensor 'H_0 0.h'"),
    "start of lists": (STEP, "start", [[]], "have no names"),
    "constant": (STEP, "constants", ["nothing"], "constant 'nothing' that its step does not"),
    "no op": (FIRST, "op", "launch", "instruction 0: there is no op 'launch'"),
    "later value": (FIRST, "inputs", [99, 0], "instruction 0 takes %99"),
    "negative value": (FIRST, "inputs", [-1, 0], "instruction 0 takes %-1"),
    "other shape": (X, "shape", [3], "is no program: instruction 0"),
    "no tensor": (WEIGHT, "name", "nothing", "lacks the tensor 'nothing'"),
    "no x": (X, "role", "weight", "other than one x"),
    "two x": (WEIGHT, "role", "x", "other than one x"),
    "a draw": (WEIGHT, "role", "draw", "other than one x, states and weights"),
    "a gradient": (WEIGHT, "role", "gradient", "other than one x, states and weights"),
    "no state": (H, "role", "weight", "no input of that role has its name"),
    "no answer": (PROGRAM, "outputs", [], "has no new state"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.recurra"
    save(a_model(sizes=(2, 2, 2)), path, notes={"a": 1})
    return path.read_bytes()


@pytest.mark.parametrize("torch", [False, True])
@pytest.mark.parametrize("lie", LIES)
def test_a_step_that_is_wrong_is_refused(lie, torch, good, tmp_path):
    path, name, value, words = LIES[lie]
    data = with_lie(good, path, name, value, honest=True)

    assert words in refusal(data, tmp_path / "m", torch=torch)


def program(x=(2,), kind="float", y=None, ops=()):
    """A forged file of a program with one x, and no tensors."""
    values = [{"name": "x", "role": "x", "kind": kind, "shape": list(x)}]
    instructions = [{"op": op, "inputs": i, "attributes": a} for op, i, a in ops]
    last = len(instructions) if y is None else y
    step = {
        "program": {
            "inputs": values,
            "instructions": instructions,
            "outputs": [{"name": "y", "role": "y", "value": last}],
        },
        "signature": "Forged()", "equations": {}, "parameters": 0, "constants": [], "start": [],
    }  # fmt: skip
    tree = {"kind": "recurra.Stack", "config": {}, "modules": {}}
    ours = {
        "format": "recurra.model", "version": 2, "dtype": "float32", "notes": {}, "model": tree,
        "step": step, "untraced": "",
    }  # fmt: skip
    ours["fingerprint"] = recomputed({}, ours, b"")
    return forged({}, ours, b"")


FLOATS = [
    ("constant", [], {"value": 0.0, "shape": [2]}),
    ("where", [1, 2, 2], {}),
]


def test_the_forging_itself_makes_a_step_that_runs(tmp_path):
    (tmp_path / "m").write_bytes(program(ops=[("neg", [0], {})]))

    assert load(tmp_path / "m").stream().step([1, 2]).tolist() == [-1, -2]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (program(x=(2, 2)), "x 'x' is float (2, 2)"),
        (program(x=(2,), kind="bool", ops=[("not", [0], {}), *FLOATS]), "x 'x' is bool (2,)"),
        (program(ops=[("reshape", [0], {"shape": [2, 1]})]), "other than one answer of features"),
        (
            program(ops=[("constant", [], {"value": 0.0, "shape": [1 << 26]})]),
            "step of 67108866 numbers a row, expected at most",
        ),
        (program(ops=[("constant", [], {"value": 0.0, "shape": [1 << 40]})]), "more than"),
    ],
)
def test_a_program_of_another_kind_is_refused(data, words, tmp_path):
    assert words in refusal(data, tmp_path / "m")


def test_an_index_outside_the_table_is_refused(tmp_path):
    (tmp_path / "m").write_bytes(program(x=(), kind="index", ops=[("one_hot", [0], {"size": 3})]))
    model = load(tmp_path / "m")

    assert model.stream().step(2).tolist() == [0, 0, 1]
    for index in (3, -1, 2**62):
        for call in (
            lambda x: model.stream().step(x),
            lambda x: model.stream().step(np.array(x)),
            lambda x: model.stream().peek(x),
            lambda x: model.stream().steps([0, x]),
            lambda x: model.step(None, [0, x]),
            lambda x: model.run([[0, x]]),
        ):
            with pytest.raises(IndexError, match=rf"x holds the index {index}, expected 0 to 2"):
                call(index)


@given(st.data())
def test_any_value_anywhere_in_a_step_gives_a_model_or_a_refusal(good, tmp_path_factory, data):
    header, ours, rest = parts_of(good)
    place = data.draw(st.sampled_from(sorted(places(ours["step"]), key=str)))
    at(ours["step"], *place[:-1])[place[-1]] = data.draw(JSON | st.integers(-2, 30))
    ours["fingerprint"] = recomputed(header, ours, rest)
    path = tmp_path_factory.getbasetemp() / "drawn step"
    path.write_bytes(forged(header, ours, rest))

    try:
        model = load(path)
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        model.stream().step([0.5] * model.input_size)
