"""What cannot be used is told with its line and the reason."""

import io

import pytest

from recurra.data import EventReader
from recurra.errors import DataError
from tests.data.events.reading import events_in, read, rejects_in, told

WRONG = {
    "nothing": ("", {}, "<stream>: there are no events."),
    "blank lines": ("\n\n", {}, "<stream>: there are no events."),
    "an empty quote": ('""\n', {}, "<stream>: there are no events."),
    "names and no event": (
        "x,y\n\n",
        {},
        "<stream>: there are no events, only the names of the columns.",
    ),
    "names of another number": (
        "x,y,user\n1,2,ann\n",
        {"width": 3, "key": "user"},
        "<stream>, line 1: the header names 2 features (x, y), wanted 3.",
    ),
    "values of another number": ("1,2\n", {"width": 3}, "<stream>, line 1: 2 values, wanted 3."),
    "an object of another number": (
        '{"x": 1, "y": 2}\n',
        {"width": 3},
        "<stream>, line 1: 2 features, wanted 3.",
    ),
    "spaces": (
        "1 0 0\n",
        {"width": 3},
        "<stream>, line 1: '1 0 0' is not a number, wanted 3 values. "
        "Separate values with commas, not spaces.",
    ),
    "semicolons": (
        "\n1;0\n",
        {},
        "<stream>, line 2: '1;0' is not a number. Separate values with commas, not semicolons.",
    ),
    "tabs for a model with names": (
        "1\t0\n",
        {"columns": ["x", "y"]},
        "<stream>, line 1: '1\\t0' is not a number, wanted 2 values. "
        "Separate values with commas, not tabs.",
    ),
    "semicolons and decimal commas": (
        "1,5;2,5\n",
        {},
        "<stream>, line 1: '5;2' is not a number. Separate values with commas, not semicolons.",
    ),
    "spaces after an event": (
        "1,2\n3 4\n",
        {},
        "<stream>, line 2: 1 value, wanted 2. Separate values with commas, not spaces.",
    ),
    "semicolons after the header": (
        "x,y\n3;4\n",
        {},
        "<stream>, line 2: 1 cell, the header has 2. Separate values with commas, not semicolons.",
    ),
    "spaces in a single value": (
        "x\n3 4\n",
        {},
        "<stream>, line 2, column 'x': '3 4' is not a number. "
        "Separate values with commas, not spaces.",
    ),
    "names with semicolons": (
        "x;y\n1;2\n",
        {"columns": ["x", "y"]},
        "<stream>, line 1: there is no column 'x'. There are: x;y. "
        "Separate values with commas, not semicolons.",
    ),
    "names with spaces": (
        "x y\n1 2\n",
        {"width": 2},
        "<stream>, line 1: the header names 1 feature (x y), wanted 2. "
        "Separate values with commas, not spaces.",
    ),
    "a name of two words": (
        "wind speed\n1\n",
        {"columns": ["heat"]},
        "<stream>, line 1: there is no column 'heat'. There are: wind speed.",
    ),
    "a word": ("x\n1\nabc\n", {}, "<stream>, line 3, column 'x': 'abc' is not a number."),
    "a word without names": ("1\nabc\n", {}, "<stream>, line 2, column 1: 'abc' is not a number."),
    "an underscore": ("1\n1_0\n", {}, "<stream>, line 2, column 1: '1_0' is not a number."),
    "an empty cell": ("x,y\n1,\n", {}, "<stream>, line 2, column 'y': the value is missing."),
    "null": ('{"x": null}\n', {}, "<stream>, line 1, column 'x': the value is missing."),
    "NaN": ("1\nnan\n", {}, "<stream>, line 2, column 1: 'nan' is not a finite number."),
    "NaN in JSON": ("[NaN]\n", {}, "<stream>, line 1, column 1: NaN is not a finite number."),
    "too large": (
        "1\n1e39\n",
        {},
        "<stream>, line 2, column 1: '1e39' does not fit a 32-bit float.",
    ),
    "true": ("[true]\n", {}, "<stream>, line 1, column 1: true is not a number."),
    "a short row": ("x,y\n1,2\n3\n", {}, "<stream>, line 3: 1 cell, the header has 2."),
    "a long row": ("1,2\n1,2,3\n", {}, "<stream>, line 2: 3 values, wanted 2."),
    "other than the columns": (
        "1,2\n",
        {"columns": ["a", "b", "c"]},
        "<stream>, line 1: 2 values, wanted 3.",
    ),
    "a missing column": (
        "speed,heat\n1,2\n",
        {"columns": ["sped"]},
        "<stream>, line 1: there is no column 'sped'. Did you mean 'speed'? "
        "There are: speed, heat.",
    ),
    "an object without a feature": (
        '{"x": 1, "y": 2}\n{"x": 1}\n',
        {},
        "<stream>, line 2: there is no column 'y'. There are: x.",
    ),
    "two columns of one name": (
        "x,x\n1,2\n",
        {},
        "<stream>, line 1, column 'x': two columns have this name.",
    ),
    "a bad first event": (
        "1,abc\n",
        {},
        "<stream>, line 1: 'abc' is not a number, and '1' is not a name, so it is no header.",
    ),
    "broken JSON": (
        '{"x": 1}\n{"x": 1\n',
        {},
        "<stream>, line 2: broken JSON at character 8: Expecting ',' delimiter.",
    ),
    "endless nesting": ("[" * 100_000, {}, "<stream>, line 1: nested too deeply or too long."),
    "no key": ("k,x\n,1\n", {"key": "k"}, "<stream>, line 2, column 'k': the key is missing."),
    "another name for the key": (
        '{"a": 1, "x": 2}\n',
        {"key": "k", "width": 1},
        "<stream>, line 1: there is no column 'k'. There are: a, x.",
    ),
    "no names for a key": (
        "1,2\n",
        {"key": "k"},
        "<stream>, line 1: no column 'k': key= needs a header or objects.",
    ),
    "a key that is a list": (
        '{"k": [1], "x": 1}\n',
        {"key": "k"},
        "<stream>, line 1, column 'k': a key is text or a whole number.",
    ),
    "zero bytes": (
        "1\n\0\n",
        {},
        "<stream>, line 2: the data is binary, wanted CSV or JSON Lines.",
    ),
}


UNUSABLE = {  # nothing of such an input can be used
    "nothing", "blank lines", "an empty quote", "names and no event", "names of another number",
    "spaces", "semicolons", "tabs for a model with names", "semicolons and decimal commas",
    "names with semicolons", "names with spaces", "a name of two words", "a missing column",
    "two columns of one name", "a bad first event",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_event_is_told_with_its_line_and_the_reason(name):
    text, options, message = WRONG[name]
    if name in UNUSABLE:
        with pytest.raises(DataError) as caught:
            read(io.StringIO(text), **options)
        assert str(caught.value) == message
    else:
        (reject,) = rejects_in(read(io.StringIO(text), **options))
        assert reject.message("<stream>") == message
        assert reject.text == text.split("\n")[reject.line - 1]


def test_the_events_around_a_wrong_one_are_given_out():
    batches = read(io.BytesIO(b"1\n2\n\xff,1\n4\n"))
    assert [event.line for event in events_in(batches)] == [1, 2, 4]
    ((line, reason, text),) = rejects_in(batches)
    assert (line, reason, text) == (3, "byte 0xff is not UTF-8.", "\\xff,1")


def test_a_missing_file_and_a_key_among_the_features_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^no\.csv: there is no such file\.$"):
        EventReader("no.csv")
    with pytest.raises(DataError, match="column 'k': given as key= and in columns="):
        EventReader(io.StringIO(""), columns=["k"], key="k")


@pytest.mark.parametrize("text", ["x,y\r1,2\r3,4\r", "1,2\r3,4\r"])
def test_lines_that_end_in_a_bare_carriage_return_are_explained(text):
    wanted = (
        r"<stream>, line 1: lines end in \\r alone; save the file with \\n at the end of each\."
    )
    with pytest.raises(DataError, match=wanted):
        read(io.BytesIO(text.encode()))


COMPOSED, COMBINED = (
    "gr\u00f6\u00dfe",
    "gro\u0308\u00dfe",
)  # one word, with an o umlaut in two spellings


@pytest.mark.parametrize(("here", "there"), [(COMPOSED, COMBINED), (COMBINED, COMPOSED)])
def test_a_name_is_found_in_either_spelling_of_its_accents(here, there):
    for text in (f"{here},k\n1,2\n", f'{{"{here}": 1, "k": 2}}\n'):
        (event,) = told(text, columns=[there])
        assert event.values == [1]
        (event,) = told(text, key=there)
        assert (event.key, event.values) == ("1", [2])
