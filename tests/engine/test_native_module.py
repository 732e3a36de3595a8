"""The compiled module as Python sees it: its stub and the instruction set it takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.engine import _native

STUB = Path(_native.__file__).with_name("_native.pyi")
STUBGEN = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "recurra.engine._native"]


def printed_by(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_stub_says_what_the_module_has(tmp_path):
    generated = tmp_path / "_native.pyi"
    subprocess.run([*STUBGEN, "-o", str(generated)], check=True)

    assert STUB.read_text() == generated.read_text(), (
        f"make native, then: .venv/bin/python {' '.join(STUBGEN[1:])} -o {STUB}"
    )


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_the_environment_asks_for_an_instruction_set_and_gets_it_or_the_baseline(isa):
    code = "from recurra.engine import _native; print(_native.isa())"

    assert printed_by(code, RECURRA_ISA=isa) in {isa, "baseline"}


def test_without_a_wish_a_supported_instruction_set_is_taken():
    code = "from recurra.engine import _native; print(_native.isa())"

    assert printed_by(code, RECURRA_ISA="") in {"baseline", "avx2", "avx512"}


def test_same_items_are_the_same_objects_in_the_same_order():
    one, other = [1.0], [1.0]
    held = {"a": one, "b": other}
    items = ["a", one, "b", other]

    assert _native.same_items([held, {}], [items, []])
    for changed in ({"a": one}, {"a": other, "b": one}, {"b": other, "a": one}, held | {"c": 1}):
        assert not _native.same_items([changed, {}], [items, []])
    assert not _native.same_items([held], [items, []])
    assert not _native.same_items([None], [items])
