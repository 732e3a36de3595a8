"""A program is thrown away when anything it was made of has changed, and only then."""

import gc
import weakref
from collections import deque
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.testing import assert_close

import recurra as rc
from recurra.cells.state import map_state
from recurra.cells.wrapper import CellWrapper
from recurra.engine import plans
from recurra.engine.structure import Unchanged, fingerprint


class Options:
    """What somebody keeps settings in."""

    def __init__(self):
        self.factor = 1.0


class Slotted:
    """The same, without a dictionary."""

    __slots__ = ("factor",)

    def __init__(self):
        self.factor = 1.0


class Scaled(CellWrapper):
    """A cell with settings of every kind."""

    def __init__(self, cell):
        super().__init__(cell)
        self.factor = 1.0
        self.factors = [1.0, 1.0]
        self.by_name = {"y": {"factor": 1.0}}
        self.options = Options()
        self.slotted = Slotted()
        self.queue = deque([1.0])
        self.tensor = torch.ones(4)
        self.function = torch.tanh
        self.spare = 0.0

    def output(self, state, x):
        y = self.cell.output(state, x) * self.factor * self.factors[1]
        y = y * self.by_name["y"]["factor"] * self.options.factor
        y = y * self.slotted.factor * self.queue[0]
        return self.function(y * self.tensor)


def scaled():
    torch.manual_seed(0)
    return rc.Stack(rc.Recurrent(Scaled(rc.cells.GRU(3, 4))), nn.Dropout(0.5), nn.Linear(4, 2))


def cell_of(layer):
    return layer.parts[0].cell


def set_linear(layer):
    layer.parts[2] = nn.Linear(4, 5)


def set_cell(layer):
    cell_of(layer).cell = rc.cells.GRU(3, 4, reset="before")


def add_part(layer):
    layer.parts.append(nn.Tanh())


def drop_bias(layer):
    layer.parts[2].bias = None


def resize(layer):
    layer.parts[2].weight = nn.Parameter(torch.randn(1, 4))
    layer.parts[2].bias = nn.Parameter(torch.randn(1))


def replace_output(layer):
    kind = type(cell_of(layer))
    changed = type(
        "Changed", (kind,), {"output": lambda self, state, x: self.cell.output(state, x)}
    )
    cell_of(layer).__class__ = changed


CHANGES = {
    "evaluation": lambda layer: layer.eval(),
    "evaluation of one part": lambda layer: layer.parts[1].eval(),
    "a part replaced": set_linear,
    "a cell replaced": set_cell,
    "a part more": add_part,
    "a number": lambda layer: setattr(cell_of(layer), "factor", 2.0),
    "a number in a list": lambda layer: cell_of(layer).factors.__setitem__(1, 2.0),
    "a number in dictionaries": lambda layer: cell_of(layer).by_name["y"].update(factor=2.0),
    "a number in an object": lambda layer: setattr(cell_of(layer).options, "factor", 2.0),
    "a number in a slot": lambda layer: setattr(cell_of(layer).slotted, "factor", 2.0),
    "a number in a queue": lambda layer: cell_of(layer).queue.appendleft(2.0),
    "a function": lambda layer: setattr(cell_of(layer), "function", torch.sigmoid),
    "a tensor written to": lambda layer: cell_of(layer).tensor.mul_(2),
    "another tensor": lambda layer: setattr(cell_of(layer), "tensor", torch.full((4,), 2.0)),
    "a bias less": drop_bias,
    "weights of another shape": resize,
    "a parametrization": lambda layer: parametrizations.weight_norm(layer.parts[2]),
    "another class": lambda layer: setattr(layer.parts[2], "__class__", nn.Identity),
    "another type": lambda layer: layer.double(),
    "a rate": lambda layer: setattr(layer.parts[1], "p", 0.25),
    "an option less": lambda layer: delattr(cell_of(layer), "spare"),
    "an option more": lambda layer: setattr(cell_of(layer), "more", 1.0),
    "a method": replace_output,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_a_layer_reaches_its_answers(change):
    layer, like = scaled(), scaled().use_engine("torch")
    x = torch.randn(2, 5, 3)
    layer(x)
    before, unchanged = fingerprint(layer), Unchanged(layer)
    assert unchanged.holds()

    for each in (layer, like):
        torch.manual_seed(1)
        change(each)

    assert fingerprint(layer) != before
    assert not unchanged.holds()
    x = x.to(layer.parts[0].cell.cell.input.weight.dtype)
    for each in (layer, like):
        each.parts[1].eval()  # dropout draws other numbers in torch
    assert_close(layer(x)[0], like(x)[0], check_dtype=True)


SAME = {
    "values of weights": lambda layer: [nn.init.normal_(w) for w in layer.parameters()],
    "frozen weights": lambda layer: layer.requires_grad_(False),
    "other weights of the same shapes": lambda layer: setattr(
        layer.parts[2], "weight", nn.Parameter(torch.randn(2, 4))
    ),
    "a number set to what it was": lambda layer: setattr(cell_of(layer), "factor", 1.0),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_makes_no_other_program_makes_no_new_one(change, monkeypatch):
    layer, like = scaled().eval(), scaled().eval().use_engine("torch")
    x = torch.randn(2, 5, 3)
    layer(x)
    monkeypatch.setattr(plans, "trace", None)

    for each in (layer, like):
        torch.manual_seed(1)
        change(each)

    assert_close(layer(x)[0], like(x)[0])


def test_a_layer_that_stays_as_it_is_is_looked_at_once(monkeypatch):
    layer, x = scaled().eval(), torch.randn(2, 5, 3)
    y, _ = layer(x)
    monkeypatch.setattr(plans, "fingerprint", None)

    assert torch.equal(layer(x)[0], y)
    layer.double()
    with pytest.raises(TypeError):
        layer(x.double())


def test_a_weight_in_two_places_may_become_two_weights_and_one_again():
    cell = rc.cells.LSTM(4, 4)
    layer, x, own = rc.Recurrent(cell), torch.randn(2, 5, 4), cell.recurrent.weight
    for weight in (cell.input.weight, own, cell.input.weight):
        cell.recurrent.weight = weight
        made = layer.use_engine("native")(x)[0]
        assert_close(made, layer.use_engine("torch")(x)[0])


def test_training_and_evaluation_are_both_remembered(monkeypatch):
    layer, x = scaled(), torch.randn(2, 5, 3)
    layer(x), layer.eval()(x)
    monkeypatch.setattr(plans, "trace", None)

    layer.train()(x), layer.eval()(x)


def test_weights_swapped_for_one_call_are_used_in_it(monkeypatch):
    layer, x = scaled().eval(), torch.randn(2, 5, 3)
    before = layer(x)[0]
    monkeypatch.setattr(plans, "trace", None)
    weights = {name: 2 * w.detach() for name, w in layer.named_parameters()}

    made = torch.func.functional_call(layer, weights, (x,))[0]
    wanted = torch.func.functional_call(layer.use_engine("torch"), weights, (x,))[0]

    assert_close(made, wanted)
    assert torch.equal(layer.use_engine("auto")(x)[0], before)


def test_weights_lent_for_one_call_are_let_go_after_it():
    layer, x = scaled().eval(), torch.randn(2, 5, 3)
    weights = {name: 2 * w for name, w in layer.named_parameters()}
    lent = [weakref.ref(weight) for weight in weights.values()]

    torch.func.functional_call(layer, weights, (x,))
    del weights
    gc.collect()

    assert [each() for each in lent] == [None] * len(lent)


def test_a_parametrized_weight_has_its_gradients():
    torch.manual_seed(0)
    layer = rc.Recurrent(rc.cells.GRU(3, 4)).double()
    parametrizations.weight_norm(layer.cell.recurrent)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    weights = list(layer.parameters())

    made = torch.autograd.grad(layer(x)[0].sum(), weights)
    wanted = torch.autograd.grad(layer.use_engine("torch")(x)[0].sum(), weights)

    assert layer.use_engine("auto").engine == "native"
    assert_close(made, wanted, rtol=0, atol=1e-12)


def test_a_part_with_hooks_is_called_as_ever():
    layer, seen = rc.Recurrent(rc.cells.GRU(3, 4)), []
    x = torch.randn(2, 5, 3)
    layer(x)

    layer.cell.input.register_forward_hook(lambda *_: seen.append(1))
    layer(x)

    assert len(seen) == 5
    assert layer.engine == "torch"


def test_a_pruned_weight_follows_its_mask():
    layer = rc.Recurrent(rc.cells.GRU(3, 4))
    prune.l1_unstructured(layer.cell.recurrent, "weight", amount=0.5)
    x = torch.randn(2, 5, 3)
    y, _ = layer(x)

    with torch.no_grad():
        layer.cell.recurrent.weight_orig.mul_(2)

    assert_close(layer(x)[0], layer.use_engine("torch")(x)[0])
    assert not torch.equal(layer(x)[0], y)


def test_a_layer_with_its_own_way_to_run_keeps_it():
    class Reversed(rc.Recurrent):
        def run(self, given):
            return super().run(given._replace(x=given.x.flip(1)))

    layer = Reversed(rc.cells.GRU(3, 4))
    x = torch.randn(2, 5, 3)

    assert torch.equal(layer(x)[0], layer.use_engine("torch")(x)[0])


# --- what gradients alone show --------------------------------------------------------------------


class Backwards(torch.autograd.Function):
    """Passes x on, and turns its gradient around."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return -grad


class Surrogate(CellWrapper):
    """A cell that answers as another one does, with a gradient of its own."""

    def output(self, state, x):
        return Backwards.apply(self.cell.output(state, x))


def test_a_gradient_of_somebodys_own_is_found_out_and_kept():
    layer = rc.Recurrent(Surrogate(rc.cells.GRU(3, 4)))
    x = torch.randn(2, 5, 3, requires_grad=True)

    with pytest.warns(UserWarning, match="in torch, not on the native engine"):
        (made,) = torch.autograd.grad(layer(x)[0].sum(), x)

    (wanted,) = torch.autograd.grad(layer.use_engine("torch")(x)[0].sum(), x)
    assert torch.equal(made, wanted)


class Detached(CellWrapper):
    """A cell that no gradient goes back through."""

    def update(self, state, x):
        return self.cell.update(map_state(torch.detach, state), x)


def test_a_gradient_that_a_program_has_lost_the_end_of_is_found_out(monkeypatch):
    sound = plans.trace

    def lost(layer, **options):
        program = (traced := sound(layer, **options)).program
        types = program.types()[len(program.inputs) :]
        made = tuple(
            each._replace(op="reshape", attributes={"shape": given.shape})
            if each.op == "detach"
            else each
            for each, given in zip(program.instructions, types, strict=True)
        )
        assert made != program.instructions
        return traced._replace(program=replace(program, instructions=made))

    assert rc.Recurrent(Detached(rc.cells.GRU(3, 4))).engine == "native"
    monkeypatch.setattr(plans, "trace", lost)

    with pytest.warns(UserWarning, match="changes its gradients on their way back"):
        rc.Recurrent(Detached(rc.cells.GRU(3, 4)))(torch.randn(2, 5, 3))


def test_a_program_that_answers_otherwise_is_found_out(monkeypatch):
    sound = plans.trace

    def negative(layer, **options):
        traced = sound(layer, **options)
        made = tuple(
            each._replace(op="neg" if each.op == "tanh" else each.op)
            for each in traced.program.instructions
        )
        return traced._replace(program=replace(traced.program, instructions=made))

    monkeypatch.setattr(plans, "trace", negative)
    layer = rc.Recurrent(rc.cells.Elman(3, 4))

    with pytest.warns(UserWarning, match="its program answers otherwise than torch"):
        layer(torch.randn(2, 5, 3))


def test_nothing_is_drawn_while_a_program_is_made():
    layer = rc.Recurrent(rc.cells.VariationalDropout(rc.cells.GRU(3, 4), input=0.5))
    x = torch.randn(2, 5, 3)

    torch.manual_seed(3)
    first, _ = layer(x)
    torch.manual_seed(3)

    assert torch.equal(layer(x)[0], first)
