"""Run stage by stage, for all times at once where that is said, a layer answers as torch does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import recurra as rc
from recurra.cells.state import named_slots
from recurra.compiler import Stage, partition, trace
from recurra.program import OPS
from tests.contracts.drawn import layer_of, state_of, x_of
from tests.contracts.rows import every_streaming_layer

ROWS, TIME = 3, 5


class StageByStage:
    """Values as arrays (row, time, ...); what is the same for all is (1, 1, ...)."""

    def __init__(self, parts, x, start, zero, weights, reset):
        self.parts, self.program = parts, parts.program
        self.start, self.zero, self.reset = start, zero, reset
        self.first = len(self.program.inputs)
        self.new = {o.name: o.value for o in self.program.outputs if o.role == "state"}
        self.values = {}
        for k, (name, role, _) in enumerate(self.program.inputs):
            if role == "weight":
                self.values[k] = weights[name][None, None]
            elif role == "x":
                self.values[k] = x

    def value(self, k):
        if k not in self.values:
            assert k < self.first, f"%{k} is read before it is made"
            name = self.program.inputs[k].name
            made = np.broadcast_to(
                self.values[self.new[name]], (ROWS, TIME, *self.start[name].shape[1:])
            )
            late = np.concatenate([self.start[name][:, None], made[:, :-1]], axis=1)
            fresh = self.reset.reshape(ROWS, TIME, *[1] * (late.ndim - 2))
            self.values[k] = np.where(fresh, self.zero[name][:, None], late)
        return self.values[k]

    def run(self):
        for kind, made, states in self.parts.stages:
            if kind == "loop":
                self.loop(made, states)
                continue
            for k in made:
                self.values[k] = self.at_once(k)

    def at_once(self, k):
        op, inputs, attributes = self.program.instructions[k - self.first]
        given = [self.value(i) for i in inputs]
        lead = np.broadcast_shapes(*(each.shape[:2] for each in given)) if given else (1, 1)
        flat = [np.broadcast_to(v, lead + v.shape[2:]).reshape(-1, *v.shape[2:]) for v in given]
        found = OPS[op].meaning(flat, attributes)
        return found.reshape(*lead, *found.shape[1:])

    def loop(self, made, states):
        now = {name: self.start[name] for name in states}
        places = {k: g.name for k, g in enumerate(self.program.inputs) if g.role == "state"}
        steps = {k: [] for k in made}
        for t in range(TIME):
            for name in states:
                fresh = self.reset[:, t].reshape(ROWS, *[1] * (now[name].ndim - 1))
                now[name] = np.where(fresh, self.zero[name], now[name])
            at = {k: now[name] for k, name in places.items() if name in states}
            for k in made:
                op, inputs, attributes = self.program.instructions[k - self.first]
                given = [at[i] if i in at else self.at_time(i, t) for i in inputs]
                at[k] = np.broadcast_to(OPS[op].meaning(given, attributes), (ROWS, *self.shape(k)))
                steps[k].append(at[k])
            now = {name: at[self.new[name]] if self.new[name] in at
                   else self.at_time(self.new[name], t) for name in states}  # fmt: skip
        for k, each in steps.items():
            self.values[k] = np.stack(each, axis=1)

    def at_time(self, k, t):
        value = self.value(k)
        return value[:, 0] if value.shape[1] == 1 else value[:, t]

    def shape(self, k):
        return self.program.types()[k].shape


def numpy_of(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def assert_stages_answer_as_torch(layer, x, start, reset, change=lambda parts: parts):
    program, weights, _ = trace(layer)
    parts = change(partition(program))
    with torch.no_grad():
        y, end = layer(x, start, reset=reset)
        zero = numpy_of(named_slots(layer.initial_state(ROWS)))

    ours = StageByStage(
        parts, x.numpy(), numpy_of(named_slots(start)), zero, numpy_of(weights), reset.numpy()
    )
    ours.run()

    (answer,) = (o.value for o in program.outputs if o.role == "y")
    np.testing.assert_allclose(
        np.broadcast_to(ours.value(answer), y.shape), y, rtol=1e-11, atol=1e-12
    )
    for name, slot in named_slots(end).items():
        last = np.broadcast_to(ours.values[ours.new[name]], (ROWS, TIME, *slot.shape[1:]))[:, -1]
        np.testing.assert_allclose(last, slot, rtol=1e-11, atol=1e-12)


def drawn(row):
    layer = layer_of(row, dtype=torch.float64)
    x = x_of(row, ROWS, TIME, dtype=torch.float64)
    start = state_of(row, layer, ROWS, dtype=torch.float64)
    return layer, x, start, torch.rand(ROWS, TIME) < 0.3


@every_streaming_layer
def test_stages_answer_as_torch_does_with_resets(row):
    assert_stages_answer_as_torch(*drawn(row))


@every_streaming_layer
def test_every_instruction_is_in_one_stage(row):
    program = trace(layer_of(row)).program

    made = [value for stage in partition(program).stages for value in stage.values]

    first = len(program.inputs)
    assert sorted(made) == list(range(first, first + len(program.instructions)))


def kinds(layer):
    return [(stage.kind, stage.states) for stage in partition(trace(layer).program).stages]


def test_a_stack_falls_apart_into_a_loop_a_layer():
    model = rc.Stack(
        rc.Recurrent(rc.cells.LSTM(3, 4)), nn.Linear(4, 4), rc.Recurrent(rc.cells.GRU(4, 2))
    )

    assert [each for each in kinds(model) if each[0] == "loop"] == [
        ("loop", ("0.h", "0.c")),
        ("loop", ("2.h",)),
    ]


def test_only_the_product_with_the_state_stays_in_the_loop():
    program = trace(rc.Recurrent(rc.cells.LSTM(3, 4))).program

    (loop,) = (stage for stage in partition(program).stages if stage.kind == "loop")

    ops = [program.instructions[value - len(program.inputs)].op for value in loop.values]
    assert ops.count("matvec") == 1


def test_the_input_before_is_no_loop():
    parts = partition(trace(rc.Recurrent(rc.cells.Repeats(3))).program)

    assert [stage.kind for stage in parts.stages] == ["all times"]
    assert set(parts.delayed) == {"last", "same"}


def test_weights_alone_are_done_once():
    class Normed(rc.cells.Elman):
        def update(self, state, x):
            weight = self.recurrent.weight / self.recurrent.weight.abs().sum()
            return rc.cells.ElmanState(torch.tanh(self.input(x) + state.h @ weight.T))

    first, *_ = kinds(rc.Recurrent(Normed(3, 4)))

    assert first == ("once", ())


@pytest.mark.parametrize("wrong", ["a loop run straight", "stages in another order"])
def test_that_check_notices(wrong):
    def change(parts):
        if wrong == "stages in another order":
            return replace(parts, stages=parts.stages[::-1])
        return replace(
            parts, stages=tuple(Stage("all times", each.values) for each in parts.stages)
        )

    layer = rc.Recurrent(rc.cells.Elman(3, 4)).double()
    x = torch.randn(ROWS, TIME, 3, dtype=torch.float64)
    never = torch.zeros(ROWS, TIME, dtype=torch.bool)

    with pytest.raises((AssertionError, KeyError)):
        assert_stages_answer_as_torch(layer, x, layer.initial_state(ROWS), never, change)
