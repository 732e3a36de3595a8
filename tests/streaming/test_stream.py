"""A stream steps as the whole sequence does; its state can be read, set, forked and restored."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recurra import Recurrent, cells
from recurra.errors import ModelFileError, NotStreamableError, ShapeError, StateError
from recurra.streaming import Stream
from tests.contracts.drawn import layer_of, x_of
from tests.contracts.rows import ROWS, every_streaming_layer
from tests.streaming.made import a_model, forged, loaded, parts_of


@pytest.fixture
def model(tmp_path):
    return loaded(a_model(), tmp_path)


@pytest.fixture
def xs():
    return np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


@every_streaming_layer
def test_stepping_equals_the_whole_sequence(row, tmp_path):
    model = loaded(layer_of(row), tmp_path)
    x = x_of(row, 1, 7)[0].numpy()

    whole, end = model.run(x)
    stream = model.stream()
    got = np.stack([stream.step(event) for event in x])

    assert got.tobytes() == whole.tobytes()
    for name, slot in stream.state.items():
        assert slot.tobytes() == end[name].tobytes()


def test_that_comparison_notices_a_stream_that_forgets(model, xs):
    whole, _ = model.run(xs)
    stream = model.stream()

    got = []
    for x in xs:
        got.append(stream.step(x))
        stream.reset()

    np.testing.assert_array_equal(got[0], whole[0])
    assert np.abs(np.stack(got)[1:] - whole[1:]).max() > 1e-3


def test_steps_and_over_are_so_many_steps(model, xs):
    one, other, third = model.stream(), model.stream(), model.stream()
    wanted = np.stack([one.step(x) for x in xs])

    np.testing.assert_array_equal(other.steps(xs), wanted)
    endless = third.over(itertools.chain(xs, itertools.repeat(xs[0])))
    np.testing.assert_array_equal(np.stack(list(itertools.islice(endless, len(xs)))), wanted)
    np.testing.assert_array_equal(third.step(xs[0]), other.step(xs[0]))


def test_no_steps_give_no_answers(model):
    assert model.stream().steps(np.zeros((0, 3))).shape == (0, 2)


def test_over_answers_an_event_before_it_asks_for_the_next(model, xs):
    asked = []

    def events():
        for k, x in enumerate(xs):
            asked.append(k)
            yield x

    answers = model.stream().over(events())
    next(answers)

    assert asked == [0]


def test_the_state_is_read_as_copies_and_set_after_checking(model, xs):
    stream = model.stream()
    stream.steps(xs[:3])
    state = stream.state
    assert {name: slot.shape for name, slot in state.items()} == {"0.h": (4,), "0.c": (4,)}
    wanted = stream.steps(xs[3:])

    twin = model.stream(state)
    state["0.h"][:] = 5
    np.testing.assert_array_equal(twin.steps(xs[3:]), wanted)
    with pytest.raises(StateError, match=r"0.h of shape \(1, 4\), expected \(4,\)"):
        twin.state = model.initial_state(1)
    twin.state = model.stream().state
    np.testing.assert_array_equal(twin.step(xs[0]), model.stream().step(xs[0]))


def test_a_state_of_the_whole_run_is_a_state_of_a_stream(model, xs):
    _, state = model.run(xs[:3])

    np.testing.assert_array_equal(model.stream(state).steps(xs[3:]), model.run(xs)[0][3:])


def test_forks_go_on_by_themselves(model, xs):
    stream = model.stream()
    stream.steps(xs[:3])
    fork = stream.fork()
    wanted = stream.steps(xs[3:])

    assert isinstance(fork, Stream)
    np.testing.assert_array_equal(fork.steps(xs[3:]), wanted)


def test_a_cell_that_changes_its_state_in_place_never_comes_to_a_stream(tmp_path):
    from recurra.streaming import save

    class CountsInPlace(cells.Mean):
        def update(self, state, x):
            state.count.add_(1)
            return state

    with pytest.raises(ValueError, match="update changed its state in place"):
        save(Recurrent(CountsInPlace(1)), tmp_path / "m")


def test_an_event_that_does_not_fit_leaves_the_state_as_it_was(model, xs):
    stream = model.stream()
    stream.steps(xs[:3])
    before = stream.state

    for event in (np.zeros(4), np.zeros((1, 3)), "abc", np.zeros(3, complex)):
        for call in (stream.step, stream.peek):
            with pytest.raises(ShapeError):
                call(event)

    for name, slot in stream.state.items():
        np.testing.assert_array_equal(slot, before[name])


def test_peeking_answers_as_a_step_would_and_moves_nothing(model, xs):
    stream = model.stream()
    stream.steps(xs[:3])
    before = stream.state

    peeked = stream.peek(xs[3]), stream.peek(xs[4].tolist())

    for name, slot in stream.state.items():
        np.testing.assert_array_equal(slot, before[name])
    twin = stream.fork()
    np.testing.assert_array_equal(peeked[0], stream.step(xs[3]))
    np.testing.assert_array_equal(peeked[1], twin.step(xs[4]))


@pytest.mark.parametrize(
    "event",
    [
        [0.5, 1, 0.25],
        np.array([0.5, 1, 0.25]),
        np.array([0.5, 9, 1, 9, 0.25], np.float32)[::2],
        np.array([0.5, 1, 0.25], ">f4"),
        np.array([(0, (0.5, 1, 0.25))], [("byte", "i1"), ("x", "f4", 3)])["x"][0],
        np.array([0.5, 1, 0.25], np.float32).view(type("Mine", (np.ndarray,), {})),
    ],
    ids=["list", "float64", "strided", "big-endian", "misaligned", "subclass"],
)  # fmt: skip
def test_an_event_in_any_form_is_the_same_event(model, event):
    wanted = model.stream().step(np.array([0.5, 1, 0.25], np.float32))

    got = model.stream().step(event)

    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, wanted, strict=True)


def test_two_threads_may_use_two_streams_of_one_model(model):
    events = np.random.default_rng(3).normal(size=(4, 2000, 3)).astype(np.float32)
    streams = [model.stream() for _ in events]
    alone = [model.stream().steps(xs) for xs in events]

    with ThreadPoolExecutor(len(events)) as pool:
        halves = [(xs[:1000], xs[1000:]) for xs in events]
        first = list(pool.map(lambda s, h: [s.step(x) for x in h[0]], streams, halves))
        second = list(pool.map(lambda s, h: s.steps(h[1]), streams, halves))

    for k, wanted in enumerate(alone):
        assert np.concatenate([np.stack(first[k]), second[k]]).tobytes() == wanted.tobytes()


def test_events_and_answers_may_be_overwritten(tmp_path):
    stream = loaded(Recurrent(cells.Repeats(2)), tmp_path).stream()
    event = np.array([0, 1], dtype=np.float32)

    stream.step(event)[:] = 9
    event[:] = 7

    assert stream.state["last"].tolist() == [0, 1]
    assert stream.state["same"].tolist() == [0]


# --- snapshots ------------------------------------------------------------------------------------


@every_streaming_layer
def test_a_restored_stream_goes_on_bit_for_bit(row, tmp_path):
    model = loaded(layer_of(row), tmp_path)
    x = x_of(row, 1, 8)[0].numpy()
    stream = model.stream()
    stream.steps(x[:4])
    saved = stream.snapshot()
    wanted = stream.steps(x[4:])

    for again in (stream, model.stream()):
        again.restore(saved)
        np.testing.assert_array_equal(again.steps(x[4:]), wanted, strict=True)


def test_a_snapshot_with_any_byte_cut_or_changed_is_refused(tmp_path):
    stream = loaded(a_model(sizes=(1, 2, 1)), tmp_path).stream()
    stream.step([1.0])
    saved, before = stream.snapshot(), stream.state

    for k in range(len(saved)):
        with pytest.raises(ModelFileError, match="the snapshot: "):
            stream.restore(saved[:k])
        for flip in (0x01, 0x20, 0x80):
            damaged = bytearray(saved)
            damaged[k] ^= flip
            with pytest.raises(ModelFileError, match="the snapshot: "):
                stream.restore(bytes(damaged))
    for name, slot in stream.state.items():
        np.testing.assert_array_equal(slot, before[name])


def test_a_snapshot_of_another_model_is_refused(model, tmp_path):
    other = loaded(a_model(seed=1), tmp_path)

    with pytest.raises(StateError, match=f"begins with '{other.fingerprint[:12]}', not '"):
        model.stream().restore(other.stream().snapshot())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header, ours: ours.update(version=2), "is of version 2"),
        (lambda header, ours: ours.update(format="recurra.model"), "expected saved states"),
        (lambda header, ours: header.pop("keys"), "damaged|no list of keys"),
        (lambda header, ours: header.update({"slot.x": header.pop("slot.0.h")}), "other slots"),
        (lambda header, ours: header["slot.0.h"].update(shape=[4, 1]), r"F32 \(4, 1\), expected"),
        (lambda header, ours: header["slot.0.h"].update(dtype="I32"), r"I32 \(1, 4\), expected"),
    ],
)
def test_a_forged_snapshot_is_refused(model, change, words):
    header, ours, rest = parts_of(model.stream().snapshot())
    change(header, ours)

    with pytest.raises(ModelFileError, match=words):
        model.stream().restore(forged(header, ours, rest))


def test_only_rows_with_a_backward_cell_do_not_stream(tmp_path):
    for row in ROWS:
        if not row.streams:
            with pytest.raises(NotStreamableError):
                loaded(layer_of(row), tmp_path).stream()
