"""Which calls the engine takes: the quick look and the reasons given agree."""

import pytest
import torch
from torch.autograd import forward_ad

from recurra.engine import calls
from recurra.engine.calls import refusal_of_call

FLOAT, DOUBLE, HALF = torch.zeros(2, 3), torch.zeros(2, 3).double(), torch.zeros(2, 3).half()
INDEX = torch.zeros(2, dtype=torch.long)
META = torch.zeros(2, 3, device="meta")
NEGATIVE = torch.zeros(2, 3, dtype=torch.complex64).conj().imag

TAKEN = {
    "one type": (FLOAT, [FLOAT, torch.nn.Parameter(FLOAT)]),
    "the other": (DOUBLE, [DOUBLE]),
    "x alone": (FLOAT, []),
    "indices": (INDEX, [FLOAT]),
    "indices alone": (INDEX, []),
}
REFUSED = {
    "half": (HALF, []),
    "half weights": (INDEX, [HALF]),
    "two types": (FLOAT, [FLOAT, DOUBLE]),
    "whole numbers for a state": (INDEX, [INDEX]),
    "another device": (FLOAT, [META]),
    "x on another device": (META, [FLOAT]),
    "a negative view": (FLOAT, [NEGATIVE]),
    "a sparse one": (FLOAT, [FLOAT.to_sparse()]),
}


@pytest.mark.parametrize("call", TAKEN.values(), ids=TAKEN)
def test_calls_that_are_taken_have_no_reason_against_them(call, monkeypatch):
    assert refusal_of_call(*call) is None
    monkeypatch.setattr(calls, "_is_usual", lambda *_: False)
    assert refusal_of_call(*call) is None


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_calls_that_are_refused_say_why(call):
    assert isinstance(refusal_of_call(*call), str)


def test_a_way_to_run_torch_is_a_reason_too():
    seen = []

    def look(x):
        seen.append(refusal_of_call(x, [x]))
        return x

    torch.func.vmap(look)(FLOAT)
    with forward_ad.dual_level():
        look(FLOAT)
    with torch.autocast("cpu", torch.bfloat16):
        look(FLOAT)

    assert [type(each) for each in seen] == [str] * 3
