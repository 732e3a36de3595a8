"""The native table of states refuses what would lead it astray."""

import numpy as np
import pytest

from recurra.engine import _native
from recurra.errors import DataError
from tests.streaming.made import a_model, loaded

NEVER = -(1 << 63)


@pytest.fixture
def table():
    table = _native.StateTable(np.arange(4, dtype=np.uint8), True)
    table.find(["a", "b"], NEVER)
    table.scatter(np.full((2, 4), 7, np.uint8), 5)
    return table


def int32(*numbers):
    return np.array(numbers, np.int32)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.find("ab", NEVER), "neither a list, a tuple nor an array"),
        (lambda t: t.find(np.zeros(2, np.int32), NEVER), "is not int64"),
        (lambda t: t.find(np.zeros(4, np.int64)[::2], NEVER), "does not lie together"),
        (lambda t: t.find_strings(int32(), np.zeros(3, np.uint8), True, NEVER), "no offsets"),
        (lambda t: t.find_strings(int32(0, 4), np.zeros(3, np.uint8), True, NEVER), "lead out"),
        (lambda t: t.find_strings(int32(2, 1), np.zeros(3, np.uint8), True, NEVER), "not ascend"),
        (lambda t: t.find_strings(int32(-1, 1), np.zeros(3, np.uint8), True, NEVER), "not ascend"),
        (lambda t: t.put([b"x1"], np.zeros((1, 4), np.uint8), np.zeros(1, int)), "not those of a"),
        (lambda t: t.put([b"i12"], np.zeros((1, 4), np.uint8), np.zeros(1, int)), "not those of a"),
        (lambda t: t.put([b"sc"], np.zeros((1, 5), np.uint8), np.zeros(1, int)), "one state and"),
        (lambda t: t.put([b"sc"], np.zeros((1, 4), np.uint8), np.zeros(2, int)), "one state and"),
        (lambda t: t.get(b""), "not those of a key"),
        (lambda t: t.drop([b"sa", b"?"]), "not those of a key"),
    ],
)  # fmt: skip
def test_what_is_not_as_the_table_takes_it_is_refused(table, call, words):
    with pytest.raises(ValueError, match=words):
        call(table)

    assert table.get(b"sb") == (5).to_bytes(8, "little") + bytes([7] * 4)


def test_stored_values_have_to_fit_the_batch(table):
    table.find(["a", "c"], NEVER)

    assert table.fresh() == [b"sc"]
    with pytest.raises(ValueError, match="not one value for each"):
        table.load([], NEVER)
    with pytest.raises(ValueError, match="another size"):
        table.load([bytes(11)], NEVER)
    with pytest.raises(ValueError, match="another shape"):
        table.scatter(np.zeros((1, 4), np.uint8), 9)
    table.abandon()
    assert len(table) == 2


def test_a_batch_ends_when_the_table_is_changed_in_another_way(table):
    table.find(["a", "c"], NEVER)
    table.drop([b"sa"])

    assert len(table) == 1
    assert table.gather().shape == (0, 4)
    table.scatter(np.zeros((0, 4), np.uint8), 9)
    assert len(table) == 1


def test_a_table_without_order_refuses_what_needs_it():
    table = _native.StateTable(np.zeros(4, np.uint8), False)

    for call in (table.collect, lambda: table.expire(0, 1), lambda: table.evict(0, True)):
        with pytest.raises(ValueError, match="not ordered by use"):
            call()


def test_a_stepper_of_another_model_is_refused(table, tmp_path):
    stepper = loaded(a_model(), tmp_path)._engine.keyed_stepper(4)
    table.find(["a"], NEVER)

    with pytest.raises(ValueError, match="states of another size"):
        stepper.step(table, np.zeros((1, 3), np.float32), False, 0)


def test_arrow_text_that_is_not_utf8_is_refused_by_name(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    offsets = arrow.py_buffer(np.array([0, 1, 3], np.int32))
    keys = arrow.Array.from_buffers(arrow.string(), 2, [None, offsets, arrow.py_buffer(b"a\xffz")])
    streams = loaded(a_model(), tmp_path).streams()

    with pytest.raises(DataError, match="UTF-8 cannot hold it"):
        streams.step(keys, np.zeros((2, 3)))

    assert len(streams) == 0


def test_a_key_that_is_missing_in_an_arrow_array_is_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    streams = loaded(a_model(), tmp_path).streams()

    with pytest.raises(DataError, match="NoneType"):
        streams.step(arrow.array(["a", None]), np.zeros((2, 3)))
