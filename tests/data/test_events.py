import csv
import io
import json
import os
import random
import sys
import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data import EventReader
from recurra.data.events import converting
from recurra.data.events import lines as lines_module
from recurra.errors import DataError


class Event(NamedTuple):
    line: int
    values: list[float]
    key: str | None


def read(source, **options):
    """Every batch."""
    with EventReader(source, **options) as reader:
        return list(reader)


def events_in(batches):
    return [
        Event(line, values, key)
        for batch in batches
        for line, values, key in zip(
            batch.lines.tolist(),
            batch.values.tolist(),
            batch.keys or [None] * len(batch),
            strict=True,
        )
    ]


def rejects_in(batches):
    return [reject for batch in batches for reject in batch.rejects]


def told(text, **options):
    batches = read(io.StringIO(text), **options)
    assert rejects_in(batches) == []
    return events_in(batches)


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


# --- many events at once --------------------------------------------------------------------------


def spoilt(rows, rng):
    """Lines of JSON and of CSV, some of no use; and the good ones as (line, values, key)."""
    objects, table, good = [], ["who,x,y"], []
    for line, (key, x, y) in enumerate(rows, start=1):
        if rng.random() < 0.1:
            bad = rng.choice(["x", "", "1e999", "null", "tru", "[1"])
            objects.append(f'{{"who": "{key}", "x": {bad}, "y": {y}}}')
            table.append(f"{key},{bad or 'no'}!,{y}")
        else:
            objects.append(json.dumps({"y": y, "note": [1], "who": key, "x": x}))
            table.append(f'"{key}",{x},{y}' if rng.random() < 0.5 else f"{key},{x},{y}")
            good.append((line, [x, y], key))
    return objects, table, good


@pytest.mark.parametrize("most", [1, 7, 64, 5000])
def test_batches_of_any_size_hold_what_a_plain_loop_finds(most):
    rng = random.Random(most)
    rows = [(f"k_{rng.randrange(9)}", rng.gauss(0, 1), rng.randrange(-5, 5)) for _ in range(1000)]
    objects, table, good = spoilt(rows, rng)

    found = read(io.StringIO("\n".join(objects)), key="who", columns=["x", "y"], max_batch=most)
    assert events_in(found) == [Event(*each) for each in good]
    assert max(len(batch) + len(batch.rejects) for batch in found) <= most
    assert len(rejects_in(found)) == 1000 - len(good)

    found = read(io.StringIO("\n".join(table)), key="who", columns=["x", "y"], max_batch=most)
    assert events_in(found) == [Event(line + 1, values, key) for line, values, key in good]
    assert len(rejects_in(found)) == 1000 - len(good)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["1.5", " 2 ", "1_0", "nan", "1e999", "\ud800"]),
)
values_of_json = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
json_lines = st.one_of(
    st.dictionaries(st.sampled_from(["who", "x", "y", "z"]), values_of_json).map(json.dumps),
    st.tuples(st.text(max_size=3), st.floats(-9, 9), st.integers(-9, 9)).map(
        lambda row: json.dumps(dict(zip(("who", "x", "y"), row, strict=True)))
    ),
    st.lists(scalars, max_size=3).map(json.dumps),
    st.text('[]{}"\\:,1e.xy \r', max_size=12),
)
csv_lines = st.one_of(
    st.lists(
        st.sampled_from(["1", "2.5", "a", "", '"b"', '"', "1_0", "nan", " 3 "]), max_size=4
    ).map(",".join),
    st.text('",1ax \r', max_size=8),
)


def everything(batches):
    return events_in(batches), rejects_in(batches)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_at_once_and_one_by_one_find_the_same(form, data):
    lines = data.draw(st.lists(json_lines if form == "jsonl" else csv_lines, max_size=20))
    text = "\n".join(
        [*(["who,x,y"] if form == "csv" else ["", '{"who": "a", "x": 1, "y": 2}']), *lines]
    )
    options = {"format": form, "key": "who", "columns": ["x", "y"], "start": None}
    fast = everything(read_or_nothing(text, **options))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(converting, "FEW", 1 << 30)
        for name in ("jsonl.columns_of", "jsonl.rows_of", "csv_rows.text_columns"):
            patch.setattr(f"recurra.data.events.{name}", unusual)
        slow = everything(read_or_nothing(text, **options))

    assert fast == slow
    assert everything(read_or_nothing(text, **options, max_batch=3)) == slow


def read_or_nothing(text, **options):
    try:
        return read(io.BytesIO(text.encode("utf-8", "surrogatepass")), **options)
    except DataError:  # there are no events
        return []


def unusual(*_):
    raise converting.UnusualError


def test_a_row_over_several_lines_is_one_event_wherever_a_batch_ends():
    text = 'who,x\n"a\nb",1\nc,2\n"d\n\n\n\n\ne",3\nf,4\n'
    wanted = [
        Event(2, [1], "a\nb"),
        Event(4, [2], "c"),
        Event(5, [3], "d\n\n\n\n\ne"),
        Event(11, [4], "f"),
    ]
    for most in (1, 2, 3, 100):
        assert told(text, key="who", max_batch=most) == wanted
        texts = [
            batch.text(line) for batch in read(io.StringIO(text), key="who") for line in batch.lines
        ]
        assert texts == ['"a\nb",1', "c,2", '"d\n\n\n\n\ne",3', "f,4"]


@pytest.mark.parametrize("most", [1, 2, 100])
def test_a_quote_left_open_costs_its_line_alone(most):
    batches = read(io.StringIO('x,y\n1,2\n"3,4\n5,6\n7,8\n'), max_batch=most)

    assert [event.values for event in events_in(batches)] == [[1, 2], [5, 6], [7, 8]]
    assert [r[:2] for r in rejects_in(batches)] == [(3, "a quote is left open.")]


def test_a_quote_left_open_is_given_up_after_128_kib():
    rows = "5,6\n" * 40_000
    batches = read(io.StringIO('x,y\n"3,4\n' + rows))

    assert len(events_in(batches)) == 40_000
    (reject,) = rejects_in(batches)
    assert reject.reason == "a cell is longer than 128 KiB, or a quote is left open."


def test_a_line_beyond_all_measure_is_a_reject_and_little_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(lines_module, "LONGEST", 1000)
    monkeypatch.setattr("recurra.data.events.jsonl.LONGEST", 1000)
    monkeypatch.setattr("recurra.data.events.feed.CHUNK", 700)
    path = tmp_path / "e.jsonl"
    path.write_text("1\n[" + "2," * 50_000 + "2]\n3\n")

    batches = read(path)

    assert [(e.line, e.values) for e in events_in(batches)] == [(1, [1]), (3, [3])]
    (reject,) = rejects_in(batches)
    assert reject.line == 2
    assert "longer than" in reject.reason
    assert len(reject.text) <= 1000
    assert batches[-1].position.at == path.stat().st_size


# --- pipes and time -------------------------------------------------------------------------------


@pytest.fixture
def pipe():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source, os.fdopen(write_end, "wb", buffering=0) as sink:
        yield source, sink


@pytest.mark.parametrize("lines", [b"x\n1\n", b"1\n", b"[1]\n", b'{"x": 1}\n'])
def test_an_event_comes_out_of_a_pipe_while_the_pipe_is_open(lines, pipe):
    source, sink = pipe
    batches = iter(EventReader(source))
    sink.write(lines)
    assert next(batches).values.tolist() == [[1.0]]
    sink.write(lines.splitlines()[-1].replace(b"1", b"2") + b"\n")
    assert next(batches).values.tolist() == [[2.0]]
    sink.close()
    assert [len(batch) for batch in batches if len(batch)] == []


def test_what_comes_within_the_delay_is_one_batch(pipe):
    source, sink = pipe
    sink.write(b"1\n2\n")
    batches = iter(EventReader(source, max_delay=30.0, max_batch=3))
    sink.write(b"3\n4")

    assert next(batches).values.tolist() == [[1], [2], [3]]
    sink.close()
    assert next(batches).values.tolist() == [[4]]


def test_an_event_waits_for_others_no_longer_than_the_delay(pipe):
    source, sink = pipe
    sink.write(b"1\n")
    began = time.monotonic()
    assert len(next(iter(EventReader(source, max_delay=0.2)))) == 1
    assert 0.2 <= time.monotonic() - began < 5


def test_a_pipe_that_is_still_gives_empty_batches_when_asked_for(pipe):
    source, sink = pipe
    sink.write(b"1\n")
    batches = iter(EventReader(source, idle=0.01))

    assert [len(next(batches)) for _ in range(3)] == [1, 0, 0]
    sink.write(b"2\n")
    assert next(batches).lines.tolist() == [2]


def test_a_pipe_is_left_when_woken(pipe):
    source, sink = pipe
    wake, waker = os.pipe()
    sink.write(b"1\n2")
    batches = iter(EventReader(source, wake=wake, max_delay=60))
    os.write(waker, b"!")

    assert [batch.values.tolist() for batch in batches if len(batch)] in ([], [[[1.0]]])
    os.close(wake)
    os.close(waker)


@pytest.mark.parametrize("woken", [False, True])
def test_an_arrow_stream_that_is_still_gives_empty_batches_until_it_goes_on_or_is_left(pipe, woken):
    source, sink = pipe
    wake, waker = os.pipe()
    with pa.ipc.new_stream(sink, pa.schema({"x": pa.float32()})) as writer:
        batches = iter(EventReader(source, idle=0.01, wake=wake))
        writer.write_batch(pa.record_batch([pa.array([1.0], pa.float32())], names=["x"]))
        assert [len(next(batches)) for _ in range(3)] == [1, 0, 0]
        if woken:
            os.write(waker, b"!")
        else:
            writer.write_batch(pa.record_batch([pa.array([2.0], pa.float32())], names=["x"]))
            assert next(batches).lines.tolist() == [2]
    if not woken:
        sink.close()
    assert sum(map(len, batches)) == 0
    os.close(wake)
    os.close(waker)


# --- columns of types -----------------------------------------------------------------------------


def typed(path, table):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path, row_group_size=3)
    else:
        new = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return path


TYPED = ["e.parquet", "e.arrow", "e.arrows"]


@pytest.mark.parametrize("name", TYPED)
def test_rows_of_parquet_and_arrow_are_events(tmp_path, name):
    table = pa.table(
        {
            "y": pa.array([1, 2, None, 4, 5, 6, 7], pa.int16()),
            "who": pa.array(["a", "b", "a", None, "", "b", "c"]).dictionary_encode(),
            "x": [0.5, float("nan"), 0.5, 0.5, 0.5, 1e300, 0.25],
        }
    )
    path = typed(tmp_path / name, table)

    for format in (None, "parquet" if "parquet" in name else "arrow"):
        batches = read(path, columns=["x", "y"], key="who", format=format)
        assert events_in(batches) == [Event(1, [0.5, 1], "a"), Event(7, [0.25, 7], "c")]
        assert [(r.line, r.reason) for r in rejects_in(batches)] == [
            (2, "column 'x': NaN is not a finite number."),
            (3, "column 'y': the value is missing."),
            (4, "column 'who': the key is missing."),
            (5, "column 'who': the key is missing."),
            (6, "column 'x': 1e+300 does not fit a 32-bit float."),
        ]
        assert json.loads(rejects_in(batches)[1].text) == {"y": None, "who": "a", "x": 0.5}
        assert json.loads(batches[-1].text(7)) == {"y": 7, "who": "c", "x": 0.25}


def test_an_arrow_stream_comes_through_a_pipe_batch_by_batch(pipe):
    source, sink = pipe
    schema = pa.schema({"x": pa.float32(), "who": pa.int64()})
    with pa.ipc.new_stream(sink, schema) as writer:
        batches = iter(EventReader(source, key="who"))
        for number in range(3):
            writer.write_batch(pa.record_batch([[float(number)], [number]], schema=schema))
            batch = next(batches)
            assert (batch.values.tolist(), batch.keys) == ([[number]], [str(number)])
    sink.close()
    assert list(batches) == []


@pytest.mark.parametrize("name", TYPED)
def test_columns_that_cannot_be_used_are_refused(tmp_path, name):
    path = typed(tmp_path / name, pa.table({"x": ["1"], "who": [0.5]}))

    for options, message in (
        ({}, "column 'x': is string, not numbers."),
        ({"columns": ["z"]}, "there is no column 'z'. There are: x, who."),
        (
            {"columns": [], "key": "who"},
            "column 'who': is double. A key is text or a whole number.",
        ),
        ({"width": 3}, "the columns are 2 features (x, who), wanted 3."),
    ):
        with pytest.raises(DataError) as caught:
            read(path, **options)
        assert str(caught.value).startswith(str(path))
        assert str(caught.value).endswith(message)


@pytest.mark.parametrize("name", TYPED)
def test_a_damaged_file_of_types_is_refused(tmp_path, name):
    path = typed(tmp_path / name, pa.table({"x": np.arange(100.0)}))
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(DataError, match=r"not whole (Parquet|Arrow) \("):
        read(path)


def test_parquet_from_a_pipe_is_refused(pipe):
    source, sink = pipe
    sink.write(b"PAR1 and more")
    with pytest.raises(DataError, match="Parquet cannot be read from a pipe"):
        read(source)


# --- going on -------------------------------------------------------------------------------------


def written(path, rows):
    """The same events in any format."""
    if path.suffix in (".parquet", ".arrow", ".arrows"):
        return typed(path, pa.table({"x": [x for x, _ in rows], "who": [who for _, who in rows]}))
    if path.suffix == ".csv":
        text = "x,who\n" + "".join(f'{x},"{who}"\n' for x, who in rows)
    else:
        text = "".join(json.dumps({"x": x, "who": who}) + "\n" for x, who in rows)
    path.write_text(text.removesuffix("\n"))
    return path


EVERY_FORMAT = [*TYPED, "e.csv", "e.jsonl"]


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_reading_goes_on_after_any_batch_as_if_it_had_not_stopped(tmp_path, name):
    rows = [(x / 7, f"who\n{x % 3}" if x % 4 else "w") for x in range(20)]
    if name == "e.csv":
        rows[2:4] = [("oh", "a"), (1, "b")]
    path = written(tmp_path / name, rows)
    options = {"key": "who", "max_batch": 3}
    whole = read(path, **options)

    for stopped in range(len(whole)):
        with EventReader(path, **options) as reader:
            batch = [batch for _, batch in zip(range(stopped + 1), reader, strict=False)][-1]
            kept = json.loads(json.dumps(reader.bookmark(batch.position)))
        rest = read(path, start=kept, **options)
        assert events_in(rest) == events_in(whole[stopped + 1 :])
        assert rejects_in(rest) == rejects_in(whole[stopped + 1 :])


@pytest.mark.parametrize("name", ["e.arrows", "e.csv", "e.jsonl"])
def test_reading_goes_on_in_a_pipe_that_brings_the_same_again(tmp_path, name, monkeypatch):
    path = written(tmp_path / name, [(x / 7, "w") for x in range(20)])

    def again(data, **options):
        read_end, write_end = os.pipe()
        os.write(write_end, data)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as source:
            reader = EventReader(source, key="who", max_batch=4, **options)
            return reader, list(reader)

    reader, whole = again(path.read_bytes())
    kept = reader.bookmark(whole[2].position)
    _, rest = again(path.read_bytes(), start=kept)

    assert events_in(rest) == events_in(whole[3:])
    if name != "e.arrows":
        with pytest.raises(DataError, match=r"its first 1[23] lines differ"):
            again(path.read_bytes().replace(b"0.1", b"0.2"), start=kept)


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_going_on_in_another_file_is_refused(tmp_path, name):
    path = written(tmp_path / name, [(x / 7, "w") for x in range(20)])
    with EventReader(path, key="who", max_batch=6) as reader:
        kept = reader.bookmark(list(reader)[1].position)

    written(path, [(x / 7 if x > 3 else 9.0, "w") for x in range(20)])

    with pytest.raises(DataError, match="is not the input that was left in the middle"):
        EventReader(path, key="who", start=kept)


@pytest.mark.parametrize("name", ["e.csv", "e.jsonl"])
def test_a_file_that_has_grown_is_gone_on_with(tmp_path, name):
    rows = [(x / 7, "w") for x in range(20)]
    path = written(tmp_path / name, rows)
    with EventReader(path, key="who") as reader:
        (batch,) = (batch for batch in reader if len(batch))
        kept = reader.bookmark(batch.position)
    assert read(path, key="who", start=kept) == []

    with path.open("a") as file:
        file.write("\n" + written(tmp_path / f"more {name}", rows[:2]).read_text())

    number = 22 if name == "e.jsonl" else 24  # with two headers
    lines = [e.line for e in events_in(read(path, key="who", start=kept, columns=["x"]))]
    assert lines[-1] == number


def test_a_file_whose_beginning_another_program_took_is_gone_on_with_at_the_right_place(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("".join(f"{n}\n" for n in range(100)))
    with path.open("rb", buffering=0) as file:
        file.readline()
        reader = EventReader(file, max_batch=10)
        first = next(iter(reader))
        kept = reader.bookmark(first.position)
    assert first.values.ravel().tolist() == [*range(1, 11)]

    assert events_in(read(path, start=kept))[0] == Event(11, [11], None)


def test_a_last_line_that_has_grown_is_refused(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("1\n2")
    with EventReader(path) as reader:
        kept = reader.bookmark(list(reader)[-1].position)
    path.write_text("1\n23\n")

    with pytest.raises(DataError, match="line 2: has grown since it was answered"):
        read(path, start=kept)
