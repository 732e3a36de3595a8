"""Every key has bytes of its own, and comes back from them as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import DataError
from recurra.streaming.keys import as_keys, decode, encode

text = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = text | st.binary() | st.integers(-(1 << 63), (1 << 63) - 1)


@given(KEYS)
def test_a_key_comes_back_from_its_bytes(key):
    got = decode(encode(key))

    assert type(got) is type(key)
    assert got == key


@given(st.lists(KEYS, unique_by=lambda key: (type(key), key)))
def test_no_two_keys_have_the_same_bytes(keys):
    assert len({encode(key) for key in keys}) == len(keys)


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1)))
def test_whole_numbers_sort_as_their_bytes_do(keys):
    assert [decode(each) for each in sorted(map(encode, keys))] == sorted(keys)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "'None' cannot be a key: it is of type NoneType"),
        (1.0, "of type float"),
        (True, "of type bool"),
        (("a",), "of type tuple"),
        (1 << 63, "does not fit 64 bits"),
        (-(1 << 63) - 1, "does not fit 64 bits"),
        ("a\ud800", "UTF-8 cannot hold it"),
    ],
)
def test_anything_else_is_refused_by_name(key, words):
    with pytest.raises(DataError, match=words):
        encode(key)


@pytest.mark.parametrize("encoded", [b"", b"x", b"i123", b"s\xff", b"i123456789"])
def test_bytes_of_no_key_are_refused(encoded):
    with pytest.raises(DataError, match="not those of a key"):
        decode(encoded)


@pytest.mark.parametrize(
    "keys",
    [
        ["a", "bc"],
        ("a", b"bc", 7),
        np.array(["a", "bc"]),
        np.array([b"a", b"bc"]),
        np.array([1, -2], np.int16),
        np.array([1, 1 << 40], np.uint64),
        np.array([1, 2], ">i8"),
        np.array(["a", 7], object),
        {"a": 1, "b": 2}.keys(),
    ],
)
def test_a_batch_is_taken_in_many_forms(keys):
    assert list(as_keys(keys)) == list(keys)


def test_arrow_arrays_are_batches():
    arrow = pytest.importorskip("pyarrow")

    assert list(as_keys(arrow.array(["a", "bc"])[1:])) == ["bc"]
    assert list(as_keys(arrow.array([1, 2]))) == [1, 2]


@pytest.mark.parametrize("keys", ["abc", b"abc", 7, None])
def test_one_key_is_no_batch(keys):
    with pytest.raises(DataError, match="expected a batch of keys"):
        as_keys(keys)


def test_a_matrix_of_keys_is_no_batch():
    with pytest.raises(DataError, match=r"shape \(2, 2\), expected \(batch,\)"):
        as_keys(np.zeros((2, 2), np.int64))
