"""What the page says of the engine's functions is what their tests in C++ hold them to."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOUND = re.compile(r"k(\w+)Ulp\{([\d.]+), ([\d.]+)\}")
LINE = re.compile(r"\| (`\w+`(?:, `\w+`)*) \| ([\d.]+) \| ([\d.]+) \|")


def test_the_page_lists_every_function_with_its_largest_errors():
    held = {
        name.lower(): errors
        for name, *errors in BOUND.findall((ROOT / "native/kernels/math_bounds.h").read_text())
    }
    listed = {
        name.strip("`"): errors
        for names, *errors in LINE.findall((ROOT / "docs/how-to/engines.md").read_text())
        for name in names.split(", ")
    }
    assert len(held) > 10
    assert listed == held
