import csv
import io
import json
import os
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data import Event, events
from recurra.errors import DataError


def told(text, **options):
    return list(events(io.StringIO(text), **options))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1\n2.5\n", [[1], [2.5]]),
        ("1,2\n\n3,4", [[1, 2], [3, 4]]),
        ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ('"a","b, c"\n"1",2\r\n', [[1, 2]]),
        ("[1, 2]\n[3, 4e1]\n", [[1, 2], [3, 40]]),
        ('{"a": 1, "b": 2}\n{"b": 4, "a": 3, "c": "x"}\n', [[1, 2], [3, 4]]),
        ("\ufeffa\n7\n", [[7]]),
    ],
)
def test_the_form_of_the_events_is_seen_from_the_first_line(text, values):
    assert [event.values for event in told(text)] == values


def test_every_event_has_the_line_it_begins_in():
    text = 'name,x\n\n"a\nb",1\nc,2\n'
    assert told(text, key="name") == [Event(3, [1.0], "a\nb"), Event(5, [2.0], "c")]


def test_columns_pick_and_order_the_features():
    assert told("a,b,c\n1,2,x\n", columns=["b", "a"]) == [Event(2, [2.0, 1.0], None)]
    assert told('{"a": 1, "b": 2}\n', columns=["b"], key="a") == [Event(1, [2.0], "1")]
    assert told("5,6\n", columns=["b", "a"]) == [Event(1, [5.0, 6.0], None)]


def test_a_width_lets_all_through_that_has_it():
    for text in ("1,2\n", "a,b\n1,2\n", "[1,2]\n", '{"a": 1, "b": 2}\n'):
        assert [event.values for event in told(text, width=2)] == [[1, 2]]
    assert told("k,a\nann,1\n", width=1, key="k") == [Event(2, [1.0], "ann")]
    assert told("a,b,c\n1,2,3\n", width=3, columns=["c"])[0].values == [3]


def test_names_that_hold_spaces_and_numbers_are_names_when_asked_for():
    assert told("1 2,x y\n5,6\n", columns=["x y", "1 2"])[0].values == [6, 5]


def test_a_header_that_does_not_fit_is_refused_before_the_next_line_comes():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source, os.fdopen(write_end, "wb", buffering=0) as sink:
        sink.write(b"x,y\n")
        with pytest.raises(DataError, match="line 1: the header names 2 features"):
            next(events(source, width=3))


def test_json_lines_may_be_asked_for():
    assert [event.values for event in told("1\n[2]\n", format="jsonl")] == [[1], [2]]


@pytest.mark.parametrize("lines", [b"x\n1\n", b"1\n", b"[1]\n", b'{"x": 1}\n'])
def test_an_event_comes_out_of_a_pipe_while_the_pipe_is_open(lines):
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source, os.fdopen(write_end, "wb", buffering=0) as sink:
        stream = events(source)
        sink.write(lines)
        assert next(stream).values == [1.0]
        sink.write(lines.splitlines()[-1].replace(b"1", b"2") + b"\n")
        assert next(stream).values == [2.0]
        sink.close()
        assert list(stream) == []


def test_no_line_is_read_before_its_event_is_asked_for():
    class Counting(io.StringIO):
        lines = 0

        def readline(self, *args):
            self.lines += 1
            return super().readline(*args)

    file = Counting("x\n1\n2\n3\n")
    stream = events(file)
    assert file.lines == 0
    assert [(next(stream).values, file.lines) for _ in range(3)] == [([1], 2), ([2], 3), ([3], 4)]


def test_a_minus_sign_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\n2\n")))
    assert [event.values for event in events("-")] == [[1], [2]]


def test_a_path_says_the_form_by_its_ending(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("1\n[2]\n")
    assert [event.values for event in events(path)] == [[1], [2]]


numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
text = st.text("ab,\"'\né ", min_size=1, max_size=5).filter(lambda key: key.strip() == key)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(text, numbers, numbers), min_size=1, max_size=6))
def test_what_the_standard_library_writes_is_read_back(rows):
    table = io.StringIO()
    csv.writer(table).writerows([("who", "x", "y"), *rows])
    objects = "".join(json.dumps({"who": k, "x": x, "y": y}) + "\n" for k, x, y in rows)
    for written in (table.getvalue(), objects):
        got = [(event.key, *event.values) for event in told(written, key="who")]
        assert got == rows


def test_that_oracle_notices_swapped_features():
    written = "who,x,y\nann,1,2\n"
    assert [(e.key, *e.values) for e in told(written, key="who", columns=["y", "x"])] != [
        ("ann", 1.0, 2.0)
    ]


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
        "<stream>, line 2: broken JSON at character 9: Expecting ',' delimiter.",
    ),
    "endless nesting": ("[" * 100_000, {}, "<stream>, line 1: nested too deeply or too long."),
    "no key": ("k,x\n,1\n", {"key": "k"}, "<stream>, line 2, column 'k': the key is missing."),
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


@pytest.mark.parametrize(("text", "options", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_event_is_refused_with(text, options, message):
    with pytest.raises(DataError) as caught:
        told(text, **options)
    assert str(caught.value) == message


def test_the_events_before_a_wrong_one_are_given_out():
    stream = events(io.BytesIO(b"1\n2\n\xff\n"))
    assert [next(stream).values, next(stream).values] == [[1], [2]]
    with pytest.raises(DataError) as caught:
        next(stream)
    assert str(caught.value) == "<stream>, line 3: byte 0xff is not UTF-8."


def test_a_missing_file_and_a_key_among_the_features_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^no\.csv: there is no such file\.$"):
        events("no.csv")
    with pytest.raises(DataError, match="column 'k': given as key= and in columns="):
        events(io.StringIO(""), columns=["k"], key="k")


@pytest.mark.parametrize("text", ["x,y\r1,2\r3,4\r", "1,2\r3,4\r"])
def test_lines_that_end_in_a_bare_carriage_return_are_explained(text):
    wanted = (
        r"<stream>, line 1: lines end in \\r alone; save the file with \\n at the end of each\."
    )
    with pytest.raises(DataError, match=wanted):
        list(events(io.BytesIO(text.encode())))


COMPOSED, COMBINED = (
    "gr\u00f6\u00dfe",
    "gro\u0308\u00dfe",
)  # one word, with an o umlaut in two spellings


@pytest.mark.parametrize(("here", "there"), [(COMPOSED, COMBINED), (COMBINED, COMPOSED)])
def test_a_name_is_found_in_either_spelling_of_its_accents(here, there):
    for text in (f"{here},k\n1,2\n", f'{{"{here}": 1, "k": 2}}\n'):
        (event,) = events(io.StringIO(text), columns=[there])
        assert event.values == [1]
        (event,) = events(io.StringIO(text), key=there)
        assert (event.key, event.values) == ("1", [2])
