"""A program that breaks a rule is refused, and what it breaks is named."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import ProgramError
from recurra.program import (
    Builder,
    Input,
    Instruction,
    Output,
    Program,
    Type,
    from_json,
    to_json,
    verify,
)
from tests.program.made import lstm, softmax

X = Input("x", "x", Type("float", (3,)))
H = Input("h", "state", Type("float", (3,)))
KEPT = Output("h", "state", 1)


def program(*instructions, inputs=(X,), outputs=()):
    return Program(tuple(inputs), tuple(Instruction(*each) for each in instructions), outputs)


BROKEN = {
    "there is no op 'launch'": program(("launch", (0,), {})),
    "instruction 0: tanh has 2 inputs, expected 1": program(("tanh", (0, 0), {})),
    "instruction 0: concat has 0 inputs, expected at least one": program(
        ("concat", (), {"axis": 0})
    ),
    "instruction 0: tanh has the attributes axis, expected none": program(
        ("tanh", (0,), {"axis": 0})
    ),
    "instruction 0 takes %1, expected a value before %1": program(("tanh", (1,), {})),
    "instruction 0 takes %-1, expected a value before %1": program(("tanh", (-1,), {})),
    "instruction 0 takes %True, expected a value before %1": program(("tanh", (True,), {})),
    "add takes one shape, not float[3] and float[]": program(
        ("sum", (0,), {}), ("add", (0, 1), {})
    ),
    "tanh takes floats, not bool[3]": program(("less", (0, 0), {}), ("tanh", (1,), {})),
    "where takes a condition bool[3], not float[3]": program(("where", (0, 0, 0), {})),
    "matvec takes a matrix of floats first, not float[3]": program(
        ("matvec", (0, 0), {"transposed": False})
    ),
    "matvec takes float[2, 3] for its matrix float[2, 1, 3], not float[3]": program(
        ("matvec", (0, 1), {"transposed": False}),
        inputs=(Input("m", "x", Type("float", (2, 1, 3))), X),
    ),
    "outer takes vectors of the same heads, not float[3] and float[2, 3]": program(
        ("outer", (0, 1), {}), inputs=(X, Input("z", "x", Type("float", (2, 3))))
    ),
    "takes true or false for transposed, not 1": program(
        ("outer", (0, 0), {}), ("matvec", (1, 0), {"transposed": 1})
    ),
    "reshape takes as many elements as float[3] has, not shape [4]": program(
        ("reshape", (0,), {"shape": (4,)})
    ),
    "takes a tuple of sizes for shape, not (-3, -1)": program(
        ("reshape", (0,), {"shape": (-3, -1)})
    ),
    "cannot repeat float[3] to shape [6]: only axes of 1 repeat": program(
        ("expand", (0,), {"shape": (6,)})
    ),
    "takes 0 <= start <= stop <= 3, not 2, 4": program(
        ("slice", (0,), {"axis": 0, "start": 2, "stop": 4})
    ),
    "takes an axis of float[3], counted from 0, not 1": program(("concat", (0,), {"axis": 1})),
    "takes an order of the axes of float[3], not (1,)": program(
        ("transpose", (0,), {"order": (1,)})
    ),
    "takes an index and a size of at least 1, not float[3] and 4": program(
        ("one_hot", (0,), {"size": 4})
    ),
    "takes a finite float for value, not inf": program(
        ("constant", (), {"value": float("inf"), "shape": ()})
    ),
    "more than 268435456 elements a row": program(
        ("constant", (), {"value": 0.0, "shape": (1 << 40,)})
    ),
    "2 inputs are x 'x', expected one": program(inputs=(X, X)),
    "input 'x' has the role 'z', expected one of": program(inputs=(X._replace(role="z"),)),
    "input 'x' has the shape (-1,), expected sizes from 0": program(
        inputs=(X._replace(type=Type("float", (-1,))),)
    ),
    "state 'h' has no new state among the outputs": program(inputs=(X, H)),
    "2 outputs are state 'h', expected one": program(inputs=(X, H), outputs=(KEPT, KEPT)),
    "output 'g' is a state, but no input of that role has its name": program(
        inputs=(X, H), outputs=(KEPT, Output("g", "state", 0))
    ),
    "output 'h' is float[], expected float[3] as the state it is of": program(
        ("sum", (0,), {}), inputs=(X, H), outputs=(Output("h", "state", 2),)
    ),
    "output 'y' is bool[3], expected floats": program(
        ("less", (0, 0), {}), outputs=(Output("y", "y", 1),)
    ),
    "output 'y' takes %7, expected a value before %1": program(outputs=(Output("y", "y", 7),)),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_program_is_refused(message):
    with pytest.raises(ProgramError) as error:
        verify(BROKEN[message])

    assert message in str(error.value)


@pytest.mark.parametrize("make", [lambda: lstm(3, 4), lambda: softmax(6)])
def test_json_gives_the_same_program_back(make):
    text = json.dumps(to_json(make()))

    assert from_json(json.loads(text)) == make()


@given(st.data())
def test_no_altered_json_does_anything_but_be_refused_or_be_valid(data):
    value = copy.deepcopy(to_json(lstm(2, 3)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = value
        while True:
            keys = list(at) if isinstance(at, dict) else range(len(at))
            if not keys:
                break
            key = data.draw(st.sampled_from(list(keys)))
            if isinstance(at[key], dict | list) and data.draw(st.booleans()):
                at = at[key]
                continue
            at[key] = data.draw(
                st.one_of(
                    st.none(),
                    st.booleans(),
                    st.integers(-5, 1 << 70),
                    st.floats(),
                    st.text(max_size=5),
                    st.lists(st.integers(-2, 5), max_size=3),
                    st.just({}),
                    st.sampled_from(["tanh", "x"]),
                )
            )
            break
    try:
        found = from_json(value)
    except ProgramError:
        return
    assert verify(found)


def test_inputs_come_before_ops():
    b = Builder()
    b.constant(0, ())

    with pytest.raises(ProgramError, match="input 'x' comes after the first op"):
        b.input("x", "x", (3,))
