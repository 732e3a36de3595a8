"""One operation of torch runs a program over sequences, and gives gradients of any order."""

import gc
import weakref

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError
from torch.testing import assert_close

import recurra as rc
from recurra.engine import memory
from recurra.engine.memory import Run, runner_of
from recurra.engine.replay import replay
from recurra.engine.sequence import run_sequence
from recurra.program import Builder
from tests.engine.made import LENGTHS, RESET, case_of, gradients, natively, text_of

CELLS = {
    "LSTM": lambda: rc.cells.LSTM(3, 4),
    "GRU": lambda: rc.cells.GRU(3, 4),
    "Elman": lambda: rc.cells.Elman(3, 2),
}
WAYS = {
    "plain": {},
    "ragged": {"lengths": LENGTHS},
    "reset": {"reset": RESET},
    "ragged and reset": {"lengths": LENGTHS, "reset": RESET},
    "from the end": {"lengths": LENGTHS, "reset": RESET, "backwards": True},
}
every_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run():
    torch.manual_seed(0)


def lstm_case(**way):
    return case_of(rc.Recurrent(rc.cells.LSTM(3, 4)).double(), **way)


def as_function(case):
    return lambda *tensors: tuple(natively(case.with_tensors(tensors)))


def as_operation(case, keep=True):
    """The same through torch's dispatcher, as compiled graphs call it."""
    run = case.run
    rest = (run.lengths, run.reset, run.backwards, run.time_first, keep)

    def call(*tensors):
        count = len(run.inputs)
        given = list(tensors[:count]), list(tensors[count:])
        made = torch.ops.recurra.sequence(text_of(case.program), "float64", *given, *rest)
        return tuple(made[:-1])

    return call


@every_cell
@every_way
def test_answers_and_gradients_are_those_of_a_replay(make, way):
    case = case_of(rc.Recurrent(make()).double(), **way)
    answers, finals = replay(case.program, case.run)

    made = natively(case)

    assert_close(made, [*answers, *finals], rtol=0, atol=1e-12)
    wanted = gradients([*answers, *finals], case.tensors)
    assert_close(gradients(made, case.tensors), wanted, rtol=0, atol=1e-11)


@every_cell
@every_way
@pytest.mark.parametrize("how", [as_function, as_operation])
def test_gradients_of_first_and_second_order_are_those_of_finite_differences(make, way, how):
    case = case_of(rc.Recurrent(make()).double(), **way)

    assert gradcheck(how(case), case.tensors, fast_mode=True)
    assert gradgradcheck(how(case), case.tensors, fast_mode=True)


def test_that_check_notices_a_gradient_one_step_late(monkeypatch):
    case = lstm_case()
    sound = memory.Runner.backward

    def late(*arguments):
        made = sound(*arguments)
        return [made[0].roll(1, dims=1), *made[1:]]

    monkeypatch.setattr(memory.Runner, "backward", late)
    with pytest.raises(GradcheckError):
        gradcheck(as_function(case), case.tensors, fast_mode=True)


def test_gradients_of_third_order_too():
    case = case_of(rc.Recurrent(rc.cells.Elman(3, 2)).double())
    wanted = replay(case.program, case.run)

    found = []
    for outputs in (natively(case), [*wanted[0], *wanted[1]]):
        for _ in range(3):
            outputs = gradients(outputs, case.tensors, create_graph=True)
        found.append(outputs)

    assert_close(*found, rtol=0, atol=1e-10)


def test_second_gradients_where_one_input_is_made_of_another():
    case = lstm_case()
    x, h, c, *weights = case.run.inputs

    def run(through):
        tied = case.with_tensors([x * weights[1][:3], h, c, *weights])
        outputs = through(tied)
        first = gradients(outputs, [weights[1]], create_graph=True)
        return gradients(first, [weights[1], x])

    def replayed(case):
        answers, finals = replay(case.program, case.run)
        return [*answers, *finals]

    assert_close(run(natively), run(replayed), rtol=0, atol=1e-10)


def test_only_what_is_asked_for_gets_a_gradient():
    case = lstm_case()
    for tensor in case.tensors[1:-1]:
        tensor.requires_grad_(False)

    natively(case)[0].sum().backward()

    assert [tensor.grad is not None for tensor in case.tensors] == [
        True, False, False, False, False, True,
    ]  # fmt: skip


def test_a_loss_on_a_final_state_alone_has_the_right_gradients():
    case = lstm_case(lengths=LENGTHS)
    _, (h, _) = replay(case.program, case.run)

    (_, mine, _) = natively(case)

    wanted = gradients([h], case.tensors)
    assert_close(gradients([mine], case.tensors), wanted, rtol=0, atol=1e-11)


def test_the_operations_pass_torchs_own_checks():
    case = lstm_case(lengths=LENGTHS, reset=RESET)
    run, text = case.run, text_of(case.program)
    rest = (run.lengths, run.reset, run.backwards, run.time_first, True)

    torch.library.opcheck(
        torch.ops.recurra.sequence.default,
        (text, "float64", list(run.inputs), list(run.starts), *rest),
        test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
    )


def test_inputs_stay_as_they_are_and_outputs_are_memory_of_their_own():
    case = lstm_case(reset=RESET)
    before = [tensor.detach().clone() for tensor in case.tensors]

    outputs = natively(case)
    sum(each.sum() for each in outputs).backward()

    assert all(map(torch.equal, case.tensors, before))
    inside = {tensor.untyped_storage().data_ptr() for tensor in case.tensors}
    assert inside.isdisjoint(each.untyped_storage().data_ptr() for each in outputs)


def forward_calls(monkeypatch):
    seen = []
    sound = memory.Runner.forward

    def watched(self, run, keep):
        made = sound(self, run, keep)
        seen.append(0 if made[1] is None else made[1].numel())
        return made

    monkeypatch.setattr(memory.Runner, "forward", watched)
    return seen


def test_bytes_are_kept_only_where_a_gradient_may_be_asked_for(monkeypatch):
    kept, case = forward_calls(monkeypatch), lstm_case()

    natively(case)
    with torch.no_grad():
        natively(case)
    with torch.inference_mode():
        natively(case)
    natively(case.with_tensors([tensor.detach() for tensor in case.tensors]))

    assert [size > 0 for size in kept] == [True, False, False, False]


@pytest.mark.parametrize("end", ["backward", "drop"])
def test_what_is_kept_is_freed_with_the_graph(monkeypatch, end):
    kept = []
    sound = memory.Runner.forward

    def watched(self, run, keep):
        made, residuals = sound(self, run, keep)
        kept.append(weakref.ref(residuals))
        return made, residuals

    monkeypatch.setattr(memory.Runner, "forward", watched)
    outputs = natively(lstm_case())
    assert kept[0]() is not None

    if end == "backward":
        outputs[0].sum().backward()
    else:
        del outputs
    gc.collect()

    assert kept[0]() is None


def test_a_weight_changed_before_the_gradient_is_an_error():
    case = lstm_case()
    outputs = natively(case)

    with torch.no_grad():
        case.tensors[-1].add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs[0].sum().backward()


LAYOUTS = {
    "time first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "a slice of time": lambda x: torch.cat([x, x], 1)[:, 5:],
    "every second feature": lambda x: x.repeat_interleave(2, dim=2)[..., ::2],
    "one row for all": lambda x: x[:1].expand_as(x),
    "features before time": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_how_tensors_lie_in_memory_does_not_matter(layout):
    case = lstm_case()
    tensors = [layout(case.tensors[0]), *case.tensors[1:]]
    plain = [tensors[0].contiguous(), *tensors[1:]]

    made, wanted = natively(case.with_tensors(tensors)), natively(case.with_tensors(plain))

    assert all(map(torch.equal, made, wanted))
    assert all(map(torch.equal, gradients(made, case.tensors), gradients(wanted, case.tensors)))


def test_no_copy_is_made_of_rows_and_times_that_lie_apart(monkeypatch):
    case = lstm_case()
    x = LAYOUTS["time first"](case.tensors[0].detach())
    seen = []
    compiled = runner_of(text_of(case.program), "float64").compiled
    sound = type(compiled).forward

    def watched(self, call):
        seen.append(call.xs[0])
        sound(self, call)

    monkeypatch.setattr(type(compiled), "forward", watched)
    with torch.no_grad():
        natively(case.with_tensors([x, *case.tensors[1:]]))

    assert seen == [(x.data_ptr(), *x.stride()[:2])]


@pytest.mark.parametrize(("batch", "time"), [(0, 5), (3, 0), (0, 0)])
def test_without_rows_or_times_states_and_gradients_pass_through(batch, time):
    case = lstm_case()
    x, h, c, *weights = case.tensors
    cut = [x[:batch, :time], h[:batch], c[:batch], *weights]

    y, end, _ = natively(case.with_tensors(cut))

    assert y.shape == (batch, time, 4)
    assert torch.equal(end, h[:batch])
    grads = gradients([end], [h, weights[0]])
    assert grads[0][:batch].any() == bool(batch)
    assert not grads[1].any()


def test_gradients_are_mapped_over():
    case = lstm_case()
    y, *_ = natively(case)
    many = torch.randn(4, *y.shape, dtype=torch.float64)

    found = torch.autograd.grad(y, case.tensors, many, is_grads_batched=True, retain_graph=True)

    for k, one in enumerate(many):
        wanted = torch.autograd.grad(y, case.tensors, one, retain_graph=True)
        assert_close([each[k] for each in found], list(wanted), rtol=0, atol=1e-11)


def test_a_graph_that_kept_nothing_still_has_gradients():
    case = lstm_case(lengths=LENGTHS)

    made = as_operation(case, keep=False)(*case.tensors)

    wanted = gradients(natively(case), case.tensors)
    assert_close(gradients(made, case.tensors), wanted, rtol=0, atol=1e-11)


def test_draws_of_a_whole_sequence_have_one_time_for_all():
    b = Builder()
    x, mask = b.input("x", "x", (2,)), b.input("uniform.0", "draw", (2,))
    b.output("y", "y", b.op("mul", x, mask))
    program = b.program()
    x, mask = torch.randn(3, 5, 2), torch.rand(3, 1, 2)

    (held,) = run_sequence(text_of(program), "float32", Run([x, mask], [], None, None))
    (fresh,) = run_sequence(
        text_of(program), "float32", Run([x, mask.expand(3, 5, 2)], [], None, None)
    )

    assert torch.equal(held, x * mask)
    assert torch.equal(fresh, x * mask)


def test_answers_may_lie_time_first():
    case = lstm_case()
    apart = case._replace(run=case.run._replace(time_first=True))

    y, wanted = natively(apart)[0], natively(case)[0]

    assert torch.equal(y, wanted)
    assert y.transpose(0, 1).is_contiguous()
