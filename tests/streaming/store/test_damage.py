"""Truncated, altered and foreign files: refused with an error, or harmless; states never differ.

Whether a file is sound, lmdb's own verifier says too.
"""

import random

import pytest
from lmdb import verify

from recurra.engine import _native
from recurra.errors import StoreFileError
from recurra.streaming.store import Changes, LmdbStore
from recurra.streaming.store.health import check_file
from tests.streaming.store.damaging import a_store, after_damage
from tests.streaming.store.made import a_model, data_of, number, value_of

SIZES = [4, 128, 1500]  # 1500 take pages of their own


def lmdbs_verdict(file):
    with file.open("rb") as opened:
        return verify._Verifier(opened, file.stat().st_size).verify()


@pytest.mark.parametrize("elements", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_a_sound_file_is_one_that_lmdbs_own_verifier_finds_sound(tmp_path, elements, seed):
    a_store(tmp_path / "states", elements, seed)

    check_file(data_of(tmp_path / "states"))
    assert lmdbs_verdict(data_of(tmp_path / "states")) == []


@pytest.mark.parametrize("elements", SIZES)
def test_one_altered_bit_anywhere_is_refused_or_harmless(tmp_path, elements):
    model, values = a_store(tmp_path / "states", elements, 0)
    data = data_of(tmp_path / "states").read_bytes()
    draw = random.Random(elements)
    anywhere = [draw.randrange(8 * len(data)) for _ in range(150)]
    in_a_meta_page = [draw.randrange(8 * 2 * 4096) for _ in range(25)]
    in_a_meta_record = [8 * (4096 * page + 16) + draw.randrange(8 * 136) for page in (0, 1) * 40]

    outcomes = set()
    for bit in anywhere + in_a_meta_page + in_a_meta_record:
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        outcomes.add(after_damage(tmp_path / "damaged", altered, model, values))

    assert outcomes == {True, False}


@pytest.mark.parametrize("elements", SIZES)
def test_a_truncated_file_is_refused_unless_only_unused_pages_are_gone(tmp_path, elements):
    model, values = a_store(tmp_path / "states", elements, 1)
    data = data_of(tmp_path / "states").read_bytes()
    draw = random.Random(elements)
    lengths = [0, 1, 15, 100, 4095, 4096, 4200, 8191, 8192]
    lengths += [draw.randrange(len(data)) for _ in range(30)]

    outcomes = [
        after_damage(tmp_path / "cut", data[:length], model, values) for length in sorted(lengths)
    ]

    assert outcomes[0] is False
    assert outcomes == sorted(outcomes)  # once nothing that is used is cut off, nothing is


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"hello", "it ends within its first page"),
        (random.Random(0).randbytes(100_000), "it is not an LMDB file"),
        (bytes(100_000), "it is not an LMDB file"),
    ],
)
def test_what_is_no_lmdb_file_is_told_so(tmp_path, content, message):
    (tmp_path / "states").mkdir()
    data_of(tmp_path / "states").write_bytes(content)

    for options in ({"model": a_model()}, {"readonly": True}):
        with pytest.raises(StoreFileError, match=message):
            LmdbStore(tmp_path / "states", **options)


def test_pages_of_noise_are_refused_without_harm(tmp_path):
    a_store(tmp_path / "states", 4, 2)
    data = data_of(tmp_path / "states").read_bytes()
    draw = random.Random(7)
    for _ in range(500):
        altered = bytearray(data)
        for _ in range(draw.choice([1, 3])):  # a stretch of noise, anywhere
            start, length = draw.randrange(8192, len(data)), draw.choice([2, 8, 64, 4096])
            altered[start : start + length] = draw.randbytes(length)
        _native.check_store(memoryview(altered[: len(data)]))  # comes back, whatever it says


@pytest.mark.parametrize("commits", range(1, 7))
def test_an_older_state_that_is_whole_is_not_taken_for_the_newest(tmp_path, commits):
    model = a_model()
    with LmdbStore(tmp_path / "states", model) as store:
        for k in range(commits):
            store.commit(Changes([number(k)], [value_of(1, *range(4))], []), b"line %d" % k)
    data = bytearray(data_of(tmp_path / "states").read_bytes())
    places = [144, 4096 + 144]
    transactions = [int.from_bytes(data[at : at + 8], "little") for at in places]
    at = places[transactions.index(max(transactions))]
    for number_of_it in range(max(transactions)):
        data[at : at + 8] = number_of_it.to_bytes(8, "little")
        data_of(tmp_path / "states").write_bytes(data)

        # LMDB alone would go on from the commit before the last one, and say nothing.
        with pytest.raises(StoreFileError, match="transaction"):
            LmdbStore(tmp_path / "states", model)


def test_check_reads_the_file_again(tmp_path):
    model, values = a_store(tmp_path / "states", 128, 4)
    with LmdbStore(tmp_path / "states", model) as store:
        assert store.check() == len(values)
        key, value = next(store.items())
        with data_of(tmp_path / "states").open("r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content.replace(value, value[:20] + bytes([value[20] ^ 1]) + value[21:]))

        with pytest.raises(StoreFileError, match="has a record that differs from its checksum"):
            store.check()
        with pytest.raises(StoreFileError, match=r"the record of key .* is damaged"):
            store.get_many([key])
