"""The order sequences are taken in."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.training.batches import bucketed


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(1, 20))
def test_every_sequence_comes_once_in_batches_of_the_asked_size(lengths, batch_size):
    batches = bucketed(lengths, batch_size, seeded())

    assert sorted(k for batch in batches for k in batch) == list(range(len(lengths)))
    sizes = Counter(map(len, batches))
    assert sizes[batch_size] == len(lengths) // batch_size
    assert len(batches) == -(-len(lengths) // batch_size)


def test_similar_lengths_come_together():
    lengths = torch.randint(1, 1000, (640,), generator=seeded()).tolist()

    def padded(batches):
        return sum(len(b) * max(lengths[k] for k in b) for b in batches) / sum(lengths)

    at_random = torch.randperm(640, generator=seeded()).reshape(-1, 32).tolist()

    assert padded(bucketed(lengths, 32, seeded())) < 1.35
    assert padded(at_random) > 1.8


def test_the_order_is_the_seeds_and_changes_from_epoch_to_epoch():
    lengths = list(range(1, 41))
    one, other = seeded(5), seeded(5)

    epochs = [bucketed(lengths, 4, one) for _ in range(3)]

    assert epochs == [bucketed(lengths, 4, other) for _ in range(3)]
    assert epochs[0] != epochs[1]
    assert {frozenset(b) for b in epochs[0]} != {frozenset(b) for b in epochs[1]}


def frequencies(lengths, batch_size, event):
    """How often an event of an epoch happens to each sequence, over many epochs."""
    drawn, counts, epochs = seeded(), Counter(), 2000
    for _ in range(epochs):
        counts.update(event(bucketed(lengths, batch_size, drawn)))
    return [counts[k] / epochs for k in range(len(lengths))]


def test_long_and_short_sequences_come_first_equally_often():
    first = frequencies([5, 5, 5, 50, 50, 50, 500, 500, 500], 3, lambda batches: batches[0])

    assert first == pytest.approx([1 / 3] * 9, abs=0.05)


def test_the_short_batch_falls_on_every_length_alike():
    short = frequencies([5, 50, 500, 5000, 50000], 2, lambda b: min(b, key=len))

    assert short == pytest.approx([1 / 3, 0, 1 / 3, 0, 1 / 3], abs=0.05)


def test_equal_lengths_are_shuffled_plainly():
    together = frequencies([7] * 6, 2, lambda batches: next(b for b in batches if 0 in b))

    assert together == pytest.approx([1.0] + [1 / 5] * 5, abs=0.05)
