"""Streams by key answer as one stream each in a dict does, to the bit."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from recurra import Cell, Recurrent, Stack, cells
from recurra.errors import DataError, ShapeError, StateError, UnknownKeyError
from recurra.streaming import Metrics, Streams, load, save
from tests.contracts.drawn import layer_of, x_of
from tests.contracts.rows import every_streaming_layer
from tests.streaming.keyed import Clock, OneEach, assert_same, bytes_of
from tests.streaming.made import a_model, loaded

random = np.random.default_rng


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return loaded(a_model(), tmp_path_factory.mktemp("model"))


def events(count, *, seed=0):
    return random(seed).normal(size=(count, 3)).astype(np.float32)


@every_streaming_layer
def test_mixed_keys_get_the_bits_that_each_would_get_alone(row, tmp_path):
    model = loaded(layer_of(row), tmp_path)
    streams, oracle = model.streams(), OneEach(model)
    keys = ["a", "b", "a", b"a", 7, "a", "b", "c", "c", "c", "c"]

    for seed in (1, 2):
        xs = x_of(row, 1, len(keys), seed=seed)[0].numpy()
        assert streams.step(keys, xs).tobytes() == oracle.step(keys, xs).tobytes()

    assert_same(streams, oracle)


def test_many_keys_in_batches_of_any_size_get_the_bits_that_each_would_get_alone(model):
    streams, oracle, draw = model.streams(), OneEach(model), random(3)

    for count in (1, 2, 3, 64, 255, 256, 257, 1000, 0, 5):
        keys = draw.zipf(1.3, count) % 300
        xs = events(count, seed=count)
        assert streams.step(keys, xs).tobytes() == oracle.step(keys.tolist(), xs).tobytes()

    assert_same(streams, oracle)


def test_that_comparison_notices_events_of_a_key_in_another_order(model):
    streams, oracle = model.streams(), OneEach(model)
    xs = events(3)

    got, wanted = streams.step(["a", "a", "b"], xs[[1, 0, 2]]), oracle.step(["a", "a", "b"], xs)

    assert got[2].tobytes() == wanted[2].tobytes()
    assert got[1].tobytes() != wanted[1].tobytes()


def test_one_lone_key_is_a_stream(model):
    streams, stream = model.streams(), model.stream()
    xs = events(3000)

    got = np.concatenate([streams.step([""] * 1500, half) for half in (xs[:1500], xs[1500:])])

    assert got.tobytes() == stream.steps(xs).tobytes()
    assert bytes_of(streams.state("")) == bytes_of(stream.state)


class Tally(Cell):
    """Sums its inputs and counts them in whole numbers, which the native engine has not."""

    def __init__(self, size):
        super().__init__()
        self.input_size = self.size = size
        self.place_without_weights()

    def config(self):
        return {"size": self.size}

    def initial_state(self, batch):
        return self.zeros(batch, self.size), torch.zeros(batch, 1, dtype=torch.long)

    def update(self, state, x):
        return 0.5 * state[0] + x, state[1] + 1

    def output(self, state, x):
        return state[0] / state[1]


@pytest.fixture(scope="module")
def torch_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    save(Recurrent(Tally(3)), folder / "m")
    model = load(folder / "m", cells=(Tally,))
    assert model.engine == "torch"
    return model


def test_a_model_that_runs_on_torch_streams_by_key_too(torch_model):
    streams, oracle, draw = torch_model.streams(), OneEach(torch_model), random(3)

    for count in (0, 1, 50, 200):
        keys = draw.zipf(1.3, count) % 30
        xs = events(count, seed=count)
        assert streams.step(keys, xs).tobytes() == oracle.step(keys.tolist(), xs).tobytes()

    assert_same(streams, oracle)
    assert streams.state(1)["1"].dtype == np.int64


# --- keys -----------------------------------------------------------------------------------------


def test_text_bytes_and_numbers_are_three_keys(model):
    streams = model.streams()

    streams.step(["1", b"1", 1, "1"], events(4))

    assert sorted(map(str, streams.keys())) == ["1", "1", "b'1'"]
    assert len(streams) == 3


@pytest.mark.parametrize(
    "keys",
    [
        ("a", "b", "a"),
        np.array(["a", "b", "a"]),
        np.array(["a", "b", "a"], object),
        {"a": 0, "b": 0, "c": 0}.keys(),
        np.array([b"a", b"b", b"a"]),
        np.array([1, 2, 1]),
        np.array([1, 2, 1], np.uint8),
        np.array([1, 0, 2, 0, 1])[::2],
    ],
    ids=["tuple", "text", "objects", "a view of a dict", "bytes", "int64", "uint8", "strided"],
)
def test_a_batch_of_keys_in_any_form_is_the_same_batch(model, keys):
    streams, oracle = model.streams(), OneEach(model)
    listed = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)

    got = streams.step(keys, events(3))

    assert got.tobytes() == oracle.step(listed, events(3)).tobytes()
    assert_same(streams, oracle)


@pytest.mark.parametrize("kind", ["string", "large_string", "binary", "int64", "dictionary"])
def test_arrow_arrays_of_keys_are_taken(model, kind):
    arrow = pytest.importorskip("pyarrow")
    listed = {"binary": [b"zz", b"a", b"", b"a"], "int64": [0, 5, -6, 5]}.get(
        kind, ["zz", "a", "é" * 300, "a"]
    )
    array = arrow.array(listed)
    array = (
        array.dictionary_encode() if kind == "dictionary" else array.cast(getattr(arrow, kind)())
    )
    streams, oracle = model.streams(), OneEach(model)

    for keys in (array, array[1:], arrow.chunked_array([array[:2], array[3:]])):
        xs = events(len(keys))
        got = streams.step(keys, xs)
        assert got.tobytes() == oracle.step(keys.to_pylist(), xs).tobytes()

    assert_same(streams, oracle)


def test_keys_of_any_length_are_told_apart(model):
    streams, oracle = model.streams(), OneEach(model)
    keys = ["x" * n for n in (0, 1, 15, 16, 22, 23, 24, 25, 100, 65_535, 65_536, 300_000)]
    keys += [key[:-1] + "y" for key in keys if key]

    for seed in (1, 2):
        xs = events(len(keys), seed=seed)
        assert streams.step(keys, xs).tobytes() == oracle.step(keys, xs).tobytes()

    assert_same(streams, oracle)


# --- what is refused changes nothing --------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "xs", "error", "words"),
    [
        (["a", "n"], np.zeros((2, 4)), ShapeError, r"x has shape \(2, 4\), expected \(batch, 3\)"),
        (["a", "n"], np.zeros(3), ShapeError, r"x has shape \(3,\)"),
        (["a", "n"], np.zeros((3, 3)), ShapeError, "2 keys for 3 events, expected one an event"),
        (["a", "n"], [["x"] * 3] * 2, ShapeError, "expected numbers"),
        (["n", None], np.zeros((2, 3)), DataError, "'None' cannot be a key: .* NoneType"),
        (["n", 1.0], np.zeros((2, 3)), DataError, "of type float"),
        (["n", True], np.zeros((2, 3)), DataError, "of type bool"),
        (["n", 1 << 63], np.zeros((2, 3)), DataError, "does not fit 64 bits"),
        (["n", "a\ud800"], np.zeros((2, 3)), DataError, "UTF-8 cannot hold it"),
        ("an", np.zeros((2, 3)), DataError, "expected a batch of keys"),
        (np.array(["n", None]), np.zeros((2, 3)), DataError, "NoneType"),
        (np.array([1.0, 2.0]), np.zeros((2, 3)), DataError, "of type float"),
        (np.zeros((2, 1), int), np.zeros((2, 3)), DataError, r"shape \(2, 1\)"),
    ],
)  # fmt: skip
def test_a_step_that_raises_changes_nothing(model, keys, xs, error, words):
    clock = Clock()
    streams, oracle = model.streams(clock=clock), OneEach(model)
    for each in (streams, oracle):
        each.step(["a", "b"], events(2))
    clock.now += 5

    with pytest.raises(error, match=words):
        streams.step(keys, xs)

    assert_same(streams, oracle)
    assert streams.last_seen("a") == 1000
    assert (
        streams.step(["a", "n"], events(2)).tobytes()
        == oracle.step(["a", "n"], events(2)).tobytes()
    )


def test_an_index_that_is_not_the_embeddings_changes_nothing(tmp_path):
    layers = Stack(nn.Embedding(6, 3), Recurrent(cells.GRU(3, 4)))
    streams = loaded(layers, tmp_path).streams()
    streams.step(["a"], [5])
    before = bytes_of(streams.state("a"))

    with pytest.raises(IndexError, match="x holds the index 6, expected 0 to 5"):
        streams.step(["a", "b"], [0, 6])

    assert bytes_of(streams.state("a")) == before
    assert list(streams) == ["a"]


def test_a_model_that_fails_within_a_step_leaves_every_state(torch_model, monkeypatch):
    streams, oracle = torch_model.streams(), OneEach(torch_model)
    for each in (streams, oracle):
        each.step(["a", "b"], events(2))

    def fails(state, x):
        raise RuntimeError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(torch_model._engine, "step", fails)
        with pytest.raises(RuntimeError, match="no memory"):
            streams.step(["a", "n", "a"], events(3))

    assert_same(streams, oracle)


def test_not_a_number_stays_in_its_key(model):
    streams, oracle = model.streams(), OneEach(model)
    xs = events(4)
    xs[1] = np.nan

    for each in (streams, oracle):
        each.step(["a", "bad", "b", "bad"], xs)
    got, wanted = streams.step(["a", "b"], xs[2:]), oracle.step(["a", "b"], xs[2:])

    assert np.isnan(streams.state("bad")["0.h"]).all()
    assert np.isfinite(got).all()
    assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("keys", [["a", "b", "a", "a", "new"], ["a"] * 5], ids=["mixed", "one key"])
def test_an_answer_that_is_not_finite_leaves_its_state_where_that_is_asked(model, keys):
    streams, oracle = model.streams(), OneEach(model)
    for each in (streams, oracle):
        each.step(["a", "b"], events(2))
    xs = events(5)
    xs[[2, 4]] = np.nan

    got = streams.step(keys, xs, only_finite=True)

    fine = [0, 1, 3]
    assert np.isnan(got[[2, 4]]).all()
    assert got[fine].tobytes() == oracle.step([keys[k] for k in fine], xs[fine]).tobytes()
    for key in ("a", "b"):
        assert bytes_of(streams.state(key)) == bytes_of(oracle.state(key))


# --- one key, and many ----------------------------------------------------------------------------


def test_a_state_is_read_as_a_copy_and_set_after_checking(model):
    streams, stream = model.streams(), model.stream()
    xs = events(4)
    streams.step(["a"] * 2, xs[:2])
    stream.steps(xs[:2])
    state = streams.state("a")
    assert bytes_of(state) == bytes_of(stream.state)

    streams.set_state("new", state)
    state["0.h"][:] = 5

    assert streams.step(["new"], xs[2:3]).tobytes() == stream.steps(xs[2:3]).tobytes()
    with pytest.raises(StateError, match=r"0.h of shape \(1, 4\), expected \(4,\)"):
        streams.set_state("a", model.initial_state(1))
    with pytest.raises(DataError, match="of type NoneType"):
        streams.set_state(None, stream.state)


def test_a_key_without_a_state_is_an_error_that_names_it(model):
    streams = model.streams()

    for call in (streams.state, streams.last_seen, lambda key: streams.fork(key, "b")):
        with pytest.raises(UnknownKeyError, match="no state of the key 'pump-7'") as caught:
            call("pump-7")
        assert isinstance(caught.value, KeyError)
    assert "pump-7" not in streams
    assert len(streams) == 0


def test_forks_go_on_by_themselves(model):
    streams, oracle = model.streams(), OneEach(model)
    for each in (streams, oracle):
        each.step(["a", "b"], events(2))
        each.fork("a", "c")
        each.fork("a", "b")
        each.fork("a", "a")

    got = streams.step(["c", "a", "b"], events(3))

    assert got.tobytes() == oracle.step(["c", "a", "b"], events(3)).tobytes()
    assert_same(streams, oracle)


def test_a_reset_key_stays_at_h0_and_a_forgotten_one_is_gone(model):
    streams = model.streams()
    streams.step(["a", "b"], events(2))

    streams.reset(["a", "never"])
    streams.forget(["b", "never"])

    assert list(streams) == ["a"]
    assert bytes_of(streams.state("a")) == bytes_of(model.stream().state)


@pytest.mark.parametrize("call", ["reset", "forget"])
def test_a_key_that_is_none_stops_a_reset_before_it_begins(model, call):
    streams = model.streams()
    streams.step(["a"], events(1))
    before = bytes_of(streams.state("a"))

    with pytest.raises(DataError, match="of type NoneType"):
        getattr(streams, call)(["a", None])

    assert bytes_of(streams.state("a")) == before


# --- time and room --------------------------------------------------------------------------------


def test_a_key_not_seen_for_longer_than_its_time_starts_again(model):
    clock = Clock(100)
    streams, stream = model.streams(ttl=10, clock=clock), model.stream()
    streams.step(["a", "b"], events(2))
    clock.now = 110
    assert "a" in streams
    streams.step(["b"], events(1))
    clock.now = 110.001

    assert list(streams) == ["b"]
    assert "a" not in streams
    with pytest.raises(UnknownKeyError):
        streams.state("a")
    got = streams.step(["a", "a"], events(2))
    assert got.tobytes() == stream.steps(events(2)).tobytes()


def test_expired_keys_leave_memory_as_steps_go_on(model):
    clock = Clock()
    streams = model.streams(ttl=10, clock=clock)
    for k in range(2_000):
        streams.step(range(10 * k, 10 * k + 10), events(10))
        clock.now += 1

    assert streams.metrics.snapshot()["keys"] <= 120
    assert streams.metrics.snapshot()["expired"] >= 19_800


def test_a_hundred_thousand_new_keys_a_minute_take_no_more_room_after_the_first_minutes(model):
    clock = Clock()
    streams = model.streams(ttl=60, clock=clock)
    xs = events(1_000)
    sizes = []
    for minute in range(8):
        for k in range(100):
            first = 100_000 * minute + 1_000 * k
            streams.step([f"session-{n:036}" for n in range(first, first + 1_000)], xs)
            clock.now += 0.6
        sizes.append(streams.metrics.snapshot()["bytes"])

    assert len(streams) <= 101_000
    assert max(sizes[2:]) <= 1.2 * sizes[1]


def test_expiring_by_hand_says_how_many_it_were(model):
    streams = model.streams(ttl=10, clock=Clock(0))
    streams.step(["a", "b", "c"], events(3), now=5)
    streams.step(["c"], events(1), now=12)

    assert streams.expire(15) == 0
    assert streams.expire(15.5) == 2
    assert list(streams) == ["c"]
    assert model.streams(clock=Clock(0)).expire(1e9) == 0


def test_time_never_goes_backwards(model):
    clock = Clock(100)
    streams = model.streams(ttl=10, clock=clock)
    streams.step(["a"], events(1))
    clock.now = 50
    streams.step(["b"], events(1))
    assert streams.last_seen("b") == 100
    streams.step(["c"], events(1), now=20)
    assert streams.last_seen("c") == 100
    clock.now = 110
    assert len(streams) == 3


@pytest.mark.parametrize("now", [np.nan, np.inf, -np.inf, 1e13])
def test_a_time_that_is_none_is_refused(model, now):
    streams = model.streams()

    with pytest.raises(ValueError, match=f"now is {now}"):
        streams.step(["a"], events(1), now=now)

    assert len(streams) == 0


def test_the_least_recently_used_keys_leave(model):
    streams, stream = model.streams(max_keys=3), model.stream()
    streams.step(["a", "b", "c"], events(3))
    streams.step(["a"], events(1))
    streams.step(["d"], events(1))

    assert sorted(streams) == ["a", "c", "d"]
    assert streams.metrics.snapshot()["evicted"] == 1
    got = streams.step(["b"], events(1))
    assert got.tobytes() == stream.steps(events(1)).tobytes()
    assert sorted(streams) == ["a", "b", "d"]


def test_a_batch_of_more_keys_than_there_is_room_for_is_answered(model):
    streams, oracle = model.streams(max_keys=3), OneEach(model)
    keys = [*range(10), 0, 1]

    assert streams.step(keys, events(12)).tobytes() == oracle.step(keys, events(12)).tobytes()
    assert len(streams) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_keys": 0}, "max_keys is 0, expected at least 1"),
        ({"ttl": 0}, "ttl is 0, expected seconds above 0"),
        ({"ttl": float("nan")}, "ttl is nan"),
        ({"commit_every": "sometimes"}, "commit_every is 'sometimes', expected 'batch', a number"),
        ({"commit_every": 0}, "commit_every is 0, expected"),
    ],
)
def test_options_that_make_no_sense_are_refused(model, options, words):
    with pytest.raises(ValueError, match=words):
        model.streams(**options)


# --- the rest -------------------------------------------------------------------------------------


def test_what_is_done_is_counted(model):
    metrics = Metrics()
    streams = model.streams(metrics=metrics)
    streams.step(["a", "b", "a"], events(3))
    streams.step(["b", "c"], events(2))

    now = streams.metrics.snapshot()

    assert streams.metrics is metrics
    assert (now["events"], now["batches"], now["new_keys"], now["keys"]) == (5, 2, 3, 3)
    assert now["bytes"] >= 3 * 32
    assert now["step"]["count"] == 2


def test_without_a_store_a_commit_is_done_at_once(model):
    with model.streams() as streams:
        streams.step(["a"], events(1), cursor=b"1")

        assert streams.commit(b"2").done()
        assert streams.cursor is None


def test_keys_may_come_and_go_while_they_are_listed(model):
    streams = model.streams()
    streams.step(range(100), events(100))

    for key in streams:
        streams.forget([key])
        streams.step([f"new {key}"], events(1))

    assert len(streams) >= 100


def test_threads_that_share_streams_break_nothing(model):
    streams, oracle = model.streams(), OneEach(model)
    batches = {k: [events(40, seed=100 * k + n) for n in range(50)] for k in range(4)}
    keys = {k: [(k, n % 7)[1] + 10 * k for n in range(40)] for k in batches}

    def work(k):
        for xs in batches[k]:
            streams.step(keys[k], xs)

    threads = [threading.Thread(target=work, args=(k,)) for k in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, each in batches.items():
        for xs in each:
            oracle.step(keys[k], xs)

    assert_same(streams, oracle)


def test_streams_say_what_they_are(model):
    streams = Streams(model)
    streams.step(["a"], events(1))

    assert repr(streams) == f"Streams({model!r}, 1 keys in memory, no store)"
