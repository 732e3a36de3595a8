"""A stream steps as the whole sequence does; its state can be read, set, forked and restored."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recurra import Recurrent, cells
from recurra.errors import NotStreamableError, ShapeError, StateError
from recurra.streaming import Stream
from tests.contracts.drawn import layer_of, x_of
from tests.contracts.rows import ROWS, every_streaming_layer
from tests.streaming.made import a_model, loaded


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


def test_only_rows_with_a_backward_cell_do_not_stream(tmp_path):
    for row in ROWS:
        if not row.streams:
            with pytest.raises(NotStreamableError):
                loaded(layer_of(row), tmp_path).stream()
