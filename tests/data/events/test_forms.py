"""Events in CSV and JSON Lines: how they are written, and what they say."""

import csv
import io
import json
import os
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data import EventReader
from recurra.errors import DataError
from tests.data.events.reading import Event, events_in, read, told


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
            next(iter(EventReader(source, width=3)))


def test_json_lines_may_be_asked_for():
    assert [event.values for event in told("1\n[2]\n", format="jsonl")] == [[1], [2]]


def test_a_minus_sign_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\n2\n")))
    assert [event.values for event in events_in(read("-"))] == [[1], [2]]


def test_a_path_says_the_form_by_its_ending(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("1\n[2]\n")
    assert [event.values for event in events_in(read(path))] == [[1], [2]]


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
