"""What Streams is measured against: a dict with one stream a key."""

import numpy as np


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self, now=1_000.0):
        self.now = now

    def __call__(self):
        return self.now


class OneEach:
    """The plainest thing with the same answers: `Model.stream` for each key, in a dict."""

    def __init__(self, model):
        self.model = model
        self.streams = {}

    def step(self, keys, xs):
        answers = []
        for key, x in zip(keys, xs, strict=True):
            if named(key) not in self.streams:
                self.streams[named(key)] = self.model.stream()
            answers.append(self.streams[named(key)].step(x))
        return np.stack(answers) if answers else self.model.stream().steps(np.asarray(xs))

    def state(self, key):
        return self.streams[named(key)].state

    def reset(self, keys):
        for key in keys:
            if named(key) in self.streams:
                self.streams[named(key)].reset()

    def forget(self, keys):
        for key in keys:
            self.streams.pop(named(key), None)

    def fork(self, key, new):
        self.streams[named(new)] = self.streams[named(key)].fork()


def named(key):
    """A dict takes True for 1."""
    return type(key).__name__, key


def bytes_of(state):
    return {name: slot.tobytes() for name, slot in state.items()}


def assert_same(streams, oracle):
    """The same keys and the same states, to the bit."""
    assert sorted(map(named, streams.keys())) == sorted(oracle.streams)
    assert len(streams) == len(oracle.streams)
    for _, key in oracle.streams:
        assert bytes_of(streams.state(key)) == bytes_of(oracle.state(key))
