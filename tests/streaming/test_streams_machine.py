"""Anything one can do with streams, in any order, beside a dict with one stream a key."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from recurra.streaming import Streams
from tests.streaming.keyed import Clock, OneEach, assert_same, bytes_of, named
from tests.streaming.made import a_model, loaded
from tests.streaming.test_streams_over_a_store import DictStore

KEYS = st.sampled_from(["a", "b", b"a", 1, "1", "long" * 20, "c", 2, -3, ""])
BATCHES = st.lists(KEYS, max_size=12)


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory):
    Machine.model = loaded(a_model(), tmp_path_factory.mktemp("model"))


class Machine(RuleBasedStateMachine):
    model = None

    @initialize(
        every=st.sampled_from(["memory", "batch", None]),
        ttl=st.sampled_from([None, 10]),
        room=st.sampled_from([None, 3]),
    )
    def begin(self, every, ttl, room):
        self.clock, self.ttl = Clock(), ttl
        self.options = {"ttl": ttl, "clock": self.clock, "commit_every": every}
        self.store = DictStore()
        if every == "memory":  # without a store, what leaves for want of room is gone
            self.store, room = None, None
            self.options.pop("commit_every")
        self.options["max_keys"] = room
        self.streams = Streams(self.model, self.store, **self.options)
        self.oracle, self.seen = OneEach(self.model), {}
        self.draw = np.random.default_rng(0)

    def age(self):
        if self.ttl is not None:
            for name, at in list(self.seen.items()):
                if at < self.clock.now - self.ttl:
                    del self.seen[name]
                    self.oracle.streams.pop(name, None)

    def touch(self, keys):
        self.seen.update((named(key), self.clock.now) for key in keys)

    @rule(keys=BATCHES)
    def step(self, keys):
        self.age()
        xs = self.draw.normal(size=(len(keys), 3)).astype(np.float32)
        assert self.streams.step(keys, xs).tobytes() == self.oracle.step(keys, xs).tobytes()
        self.touch(keys)

    @rule(keys=BATCHES)
    def reset(self, keys):
        self.age()
        self.streams.reset(keys)
        self.oracle.reset(keys)
        self.touch([key for key in keys if named(key) in self.oracle.streams])

    @rule(keys=BATCHES)
    def forget(self, keys):
        self.streams.forget(keys)
        self.oracle.forget(keys)

    @rule(key=KEYS, new=KEYS)
    def fork(self, key, new):
        self.age()
        if named(key) in self.oracle.streams:
            self.streams.fork(key, new)
            self.oracle.fork(key, new)
            self.touch([new])

    @rule(key=KEYS)
    def set_state(self, key):
        state = {name: self.draw.normal(size=4) for name in self.model.slots}
        self.streams.set_state(key, state)
        self.oracle.streams[named(key)] = self.model.stream(state)
        self.touch([key])

    @rule(keys=BATCHES)
    def a_step_that_raises(self, keys):
        with pytest.raises(ValueError, match="cannot be a key"):
            self.streams.step([*keys, None], np.zeros((len(keys) + 1, 3)))

    @rule(seconds=st.sampled_from([1, 4, 11]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule()
    def expire(self):
        self.streams.expire()

    @rule()
    def compare(self):
        self.age()
        assert_same(self.streams, self.oracle)

    @rule(key=KEYS)
    def look_at(self, key):
        self.age()
        there = named(key) in self.oracle.streams
        assert (key in self.streams) == there
        if there:
            assert bytes_of(self.streams.state(key)) == bytes_of(self.oracle.state(key))
            assert self.streams.last_seen(key) == self.seen[named(key)]

    @precondition(lambda self: self.store is not None)
    @rule()
    def commit(self):
        self.streams.commit()

    @precondition(lambda self: self.store is not None)
    @rule()
    def open_again(self):
        self.streams.close()
        self.streams = Streams(self.model, self.store, **self.options)

    def teardown(self):
        if hasattr(self, "oracle"):
            self.compare()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
