import subprocess
import sys

import numpy as np
import pytest

from recurra.data import DATASETS, dataset, japanese_vowels, water_flow
from recurra.errors import DataError, MissingExtraError


@pytest.fixture(scope="module")
def vowels():
    return japanese_vowels()


def test_japanese_vowels_has_the_sizes_its_authors_state(vowels):
    assert (len(vowels.train.sequences), len(vowels.test.sequences)) == (270, 370)
    every = vowels.train.sequences + vowels.test.sequences
    lengths = {len(each) for each in every}
    assert (min(lengths), max(lengths)) == (7, 29)
    assert {each.shape[1] for each in every} == {12} == {len(vowels.feature_names)}
    assert {each.dtype for each in every} == {np.dtype(np.float32)}
    assert all(np.isfinite(each).all() for each in every)


def test_japanese_vowels_has_nine_speakers_with_the_counts_of_its_documentation(vowels):
    assert vowels.class_names == tuple(f"speaker {n}" for n in range(1, 10))
    assert vowels.train.labels.dtype == np.int64
    assert np.bincount(vowels.train.labels).tolist() == [30] * 9
    assert np.bincount(vowels.test.labels).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]


def test_japanese_vowels_keeps_aeons_values_with_time_first(vowels):
    from aeon.datasets import load_japanese_vowels

    theirs, labels = load_japanese_vowels(split="test")
    for ours, other in zip(vowels.test.sequences, theirs, strict=True):
        np.testing.assert_array_equal(ours, other.T.astype(np.float32))
        assert ours.flags.c_contiguous
    assert [str(label + 1) for label in vowels.test.labels] == labels.tolist()


def test_water_flow_keeps_rivers_values_and_its_gaps():
    from river.datasets import WaterFlow

    ours = water_flow()
    theirs = list(WaterFlow())

    assert ours.values.tolist() == [y for _, y in theirs]
    seconds = [x["Time"].timestamp() for x, _ in theirs]
    assert ours.timestamps.astype(np.int64).tolist() == seconds
    hours = np.diff(ours.timestamps) // np.timedelta64(1, "h")
    assert ours.values.shape == (1268,)
    assert (np.count_nonzero(hours == 1), np.count_nonzero(hours > 1), hours.max()) == (
        1257,
        10,
        32,
    )


def test_every_named_set_is_found_by_its_name():
    assert set(DATASETS) == {"japanese-vowels", "water-flow"}
    assert all(dataset(name) is row and row.name == name for name, row in DATASETS.items())


def test_an_unknown_set_is_answered_with_the_nearest_name():
    with pytest.raises(DataError) as caught:
        dataset("japanese-vowel")
    assert str(caught.value) == (
        "there is no data set 'japanese-vowel'. Did you mean 'japanese-vowels'? "
        "There are: japanese-vowels, water-flow."
    )


@pytest.mark.parametrize(
    ("load", "package"), [(japanese_vowels, "aeon"), (water_flow, "river")], ids=["aeon", "river"]
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, load, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.datasets", None)
    with pytest.raises(MissingExtraError) as caught:
        load()
    assert str(caught.value) == (
        f'{package} is not installed. Install it with: pip install "recurra[data]"'
    )


def test_importing_the_package_loads_none_of_the_optional_packages():
    code = (
        "import sys, recurra.data\n"
        "print([m for m in ('torch', 'pyarrow', 'pandas', 'aeon', 'river') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
