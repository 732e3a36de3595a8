"""Many events at once are what they are one by one."""

import io
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data.events import converting
from recurra.data.events import lines as lines_module
from recurra.errors import DataError
from tests.data.events.reading import Event, events_in, read, rejects_in, told


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
