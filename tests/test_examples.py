"""The examples run, and what they print holds what the documentation says of them."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def printed(capsys):
    def run(name):
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def number(pattern, text):
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


def test_japanese_vowels_over_five_seeds_whole_and_streamed(printed):
    text = printed("japanese_vowels.py")

    assert number(r"mean over 5 seeds: ([\d.]+)%", text) >= 97
    assert number(r"one by one: (\d+) of 370 answers differ", text) == 0


def test_water_flow_one_hour_ahead_beats_the_last_value(printed):
    text = printed("water_flow.py")

    last = number(r"the same as now +MAE ([\d.]+)", text)
    ours = number(r"Forecaster +MAE ([\d.]+)", text)
    assert ours < 0.95 * last


def test_speakers_who_talk_at_once_are_answered_as_each_alone(printed):
    text = printed("speakers.py")

    assert number(r"(\d+) frames of 370 recordings", text) == 5687
    assert number(r"(\d+) of 370 answers differ", text) == 0
    assert number(r"([\d.]+)% of the recordings", text) >= 97


def test_water_flow_piped_through_a_process_that_is_killed(printed):
    text = printed("water_flow_live.py")

    assert number(r"folder: (\d+) readings answered", text) == 1268
    assert number(r"(\d+) forecasts differ", text) == 0
    last = number(r"the same as now +MAE ([\d.]+)", text)
    assert number(r"recurra stream +MAE ([\d.]+)", text) < 0.95 * last


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "japanese_vowels.py",
        "speakers.py",
        "water_flow.py",
        "water_flow_live.py",
    }
