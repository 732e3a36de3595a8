"""Truncated backpropagation against full backpropagation and against closed forms."""

import importlib
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import recurra as rc
from recurra.errors import DataError, NotStreamableError, ShapeError
from recurra.training import windows

MODULE = importlib.import_module("recurra.training.windows")


class Linear(rc.Cell):
    """h_t = a h_{t-1} + x_t, whose gradients are known in closed form."""

    input_size = 1

    def __init__(self, a=0.7):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))

    def initial_state(self, batch):
        return self.zeros(batch, 1)

    def update(self, state, x):
        return self.a * state + x

    def output(self, state, x):
        return state


def a_layer(cell=rc.cells.LSTM):
    torch.manual_seed(3)
    stack = rc.Stack(rc.Recurrent(cell(2, 4)), nn.Linear(4, 3), rc.Recurrent(rc.cells.GRU(3, 1)))
    return stack.double()


def a_stream(batch=2, time=11, features=2):
    drawn = torch.Generator().manual_seed(time)
    x = torch.randn(batch, time, features, generator=drawn, dtype=torch.float64)
    return x, torch.randn(batch, time, 1, generator=drawn, dtype=torch.float64)


def summed_gradients(model, stream):
    """The gradients of the summed losses of all windows."""
    model.zero_grad()
    for window in stream:
        (window.answers - window.targets).square().sum().backward()
    return [weight.grad.clone() for weight in model.parameters()]


def full_gradients(model, x, y, **options):
    model.zero_grad()
    (model(x, **options)[0] - y).square().sum().backward()
    return [weight.grad.clone() for weight in model.parameters()]


def close(one, other):
    return all(torch.allclose(a, b, rtol=0, atol=1e-10) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("cell", [rc.cells.LSTM, rc.cells.GRU, rc.cells.Elman])
@pytest.mark.parametrize("k1", [1, 3, 4, 11, 20])
def test_gradients_are_the_full_ones_when_k2_covers_the_stream(cell, k1):
    model, (x, y) = a_layer(cell), a_stream()

    got = summed_gradients(model, windows(model, x, y, k1=k1, k2=max(k1, 11)))

    assert close(got, full_gradients(model, x, y))


def test_that_comparison_notices_gradients_cut_short():
    model, (x, y) = a_layer(), a_stream()

    got = summed_gradients(model, windows(model, x, y, k1=3, k2=10))

    assert not close(got, full_gradients(model, x, y))


def borders(x, k1, rows=slice(None)):
    reset = torch.zeros(x.shape[:2], dtype=torch.bool)
    reset[rows, ::k1] = True
    return reset


@pytest.mark.parametrize(("k1", "k2"), [(3, 3), (4, 4), (3, 5), (3, 6)])
def test_gradients_are_the_full_ones_when_every_window_starts_with_a_reset(k1, k2):
    model, (x, y) = a_layer(), a_stream()
    reset = borders(x, k1)

    got = summed_gradients(model, windows(model, x, y, k1=k1, k2=k2, reset=reset))

    assert close(got, full_gradients(model, x, y, reset=reset))


def test_a_reset_of_one_row_leaves_the_other_to_truncation():
    model, (x, y) = a_layer(), a_stream()
    reset = borders(x, 3, rows=0)

    got = summed_gradients(model, windows(model, x, y, k1=3, reset=reset))
    first = full_gradients(model, x[:1], y[:1], reset=reset[:1])
    second = summed_gradients(model, windows(model, x[1:], y[1:], k1=3))

    assert close(got, [a + b for a, b in zip(first, second, strict=True)])
    assert not close(got, full_gradients(model, x, y, reset=reset))


def truncated_gradient(a, x, weights, k1, k2):
    """d/da of sum_t w_t h_t with each h_t reaching back to its window's first step.

    With s the state that its window starts from, n steps before,
    h_t = a^n s + sum_j a^j x_{t-j}, so dh_t/da = n a^(n-1) s + sum_j j a^(j-1) x_{t-j}.
    """
    h = [0.0]
    for value in x:
        h.append(a * h[-1] + value)
    total = 0.0
    for t, weight in enumerate(weights):
        first = t // k1 * k1
        stop = min(first + k1, len(x))
        start = first if k1 == k2 else max(0, stop - k2)
        n = t - start + 1
        slope = n * a ** (n - 1) * h[start]
        slope += sum(j * a ** (j - 1) * x[t - j] for j in range(1, n))
        total += weight * slope
    return total


@given(
    time=st.integers(1, 14),
    k1=st.integers(1, 6),
    more=st.integers(0, 8),
    seed=st.integers(0, 1000),
)
def test_gradient_of_a_linear_recurrence_equals_its_closed_form(time, k1, more, seed):
    layer, drawn = rc.Recurrent(Linear()), torch.Generator().manual_seed(seed)
    x, weights = torch.randn(2, time, generator=drawn, dtype=torch.float64)

    for window in windows(layer, x[None, :, None], weights[None, :, None], k1=k1, k2=k1 + more):
        (window.answers * window.targets).sum().backward()

    expected = truncated_gradient(0.7, x.tolist(), weights.tolist(), k1, k1 + more)
    assert layer.cell.a.grad.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def linear_gradient(k1, k2):
    layer, x = rc.Recurrent(Linear()), torch.arange(1.0, 10.0, dtype=torch.float64)
    for window in windows(layer, x[None, :, None], k1=k1, k2=k2):
        window.answers.sum().backward(retain_graph=True)
    return layer.cell.a.grad.item(), truncated_gradient(0.7, x.tolist(), [1.0] * 9, k1, k2)


@pytest.mark.parametrize(
    ("k2", "place", "fault"),
    [
        pytest.param(3, "_detached", lambda state: state, id="k1 == k2, not detached"),
        pytest.param(3, "_detached", lambda state: None, id="k1 == k2, not carried"),
        pytest.param(6, "_passed", MODULE._passed.__wrapped__, id="k1 < k2, not detached"),
        pytest.param(6, "_passed", lambda model, steps, state: None, id="k1 < k2, not carried"),
        pytest.param(6, "_passed", lambda model, steps, state: state, id="k1 < k2, not moved on"),
    ],
)
def test_the_closed_form_notices_a_state_handed_on_wrongly(monkeypatch, k2, place, fault):
    got, expected = linear_gradient(3, k2)
    assert got == pytest.approx(expected)

    monkeypatch.setattr(MODULE, place, fault)
    got, expected = linear_gradient(3, k2)

    assert got != pytest.approx(expected)


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (3, 3), (2, 5), (4, 7), (5, 100)])
def test_answers_and_states_are_those_of_the_whole_stream(k1, k2):
    model, (x, y) = a_layer(), a_stream()
    whole, end = model(x)

    seen = list(windows(model, x, y, k1=k1, k2=k2))

    assert torch.equal(torch.cat([w.answers for w in seen], 1), whole)
    assert torch.equal(torch.cat([w.targets for w in seen], 1), y)
    assert [w.start for w in seen] == list(range(0, 11, k1))
    assert [w.stop for w in seen] == [*range(k1, 11, k1), 11]
    assert torch.equal(seen[-1].state[0].c, end[0].c)
    assert not seen[-1].state[0].c.requires_grad


def test_a_stream_goes_on_from_the_state_of_its_last_window():
    model, (x, y) = a_layer(), a_stream()
    *_, last = windows(model, x[:, :6], y[:, :6], k1=3)

    rest = list(windows(model, x[:, 6:], y[:, 6:], k1=5, state=last.state))

    assert torch.equal(rest[0].answers, model(x)[0][:, 6:])


@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(sum),
    k1=st.integers(1, 5),
    more=st.integers(0, 6),
)
def test_chunks_of_any_size_make_the_same_windows(sizes, k1, more):
    model, (x, y) = a_layer(), a_stream(time=sum(sizes))
    reset = torch.rand(x.shape[:2], generator=torch.Generator().manual_seed(0)) < 0.2
    parts = zip(x.split(sizes, 1), y.split(sizes, 1), reset.split(sizes, 1), strict=True)

    whole = list(windows(model, x, y, k1=k1, k2=k1 + more, reset=reset))
    chunked = list(windows(model, parts, k1=k1, k2=k1 + more))

    assert len(whole) == len(chunked)
    for one, other in zip(whole, chunked, strict=True):
        assert torch.equal(one.answers, other.answers)
        assert torch.equal(one.targets, other.targets)


@pytest.mark.parametrize(("k1", "k2"), [(5, 5), (3, 8)])
def test_memory_does_not_grow_with_the_stream(k1, k2):
    held, model = [], a_layer()
    endless = (a_stream(time=4) for _ in itertools.count())

    with torch.autograd.graph.saved_tensors_hooks(lambda t: (held.append(t), t)[1], lambda t: t):
        counts = []
        for window in itertools.islice(windows(model, endless, k1=k1, k2=k2), 40):
            counts.append(len(held))
            held.clear()
            window.answers.sum().backward()

    assert len(set(counts[5:])) == 1


def test_an_endless_stream_is_read_no_further_than_needed():
    read = []

    def chunks():
        for k in itertools.count():
            read.append(k)
            yield a_stream(time=2)

    stream = windows(a_layer(), chunks(), k1=4)
    next(stream)

    assert read == [0, 1]


def test_a_learned_start_learns_from_the_first_windows():
    torch.manual_seed(0)
    layer = rc.Recurrent(rc.cells.InitialState(rc.cells.Elman(2, 1), learned=True)).double()
    x, y = a_stream()

    got = summed_gradients(layer, windows(layer, x, y, k1=2, k2=11))

    assert layer.cell.start_0.grad.abs().item() > 0
    assert close(got, full_gradients(layer, x, y))


def test_weights_changed_between_windows_are_those_the_next_window_runs_with():
    layer = rc.Recurrent(Linear(a=1.0))
    stream = windows(layer, torch.ones(1, 4, 1, dtype=torch.float64), k1=2)

    next(stream)
    layer.cell.a.data.fill_(0.0)

    assert next(stream).answers.flatten().tolist() == [1.0, 1.0]


def test_torch_layers_stream_too():
    torch.manual_seed(0)
    model = nn.LSTM(2, 1, batch_first=True).double()
    x, y = a_stream()

    seen = list(windows(model, x, y, k1=4))

    torch.testing.assert_close(torch.cat([w.answers for w in seen], 1), model(x)[0])


def test_numpy_of_another_type_is_taken():
    x, y = (part.float().numpy() for part in a_stream())

    window = next(windows(a_layer(), x, y, k1=11))

    assert window.answers.dtype == window.targets.dtype == torch.float64


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "k1 is 4 and k2 is 3", lambda m, x, y: windows(m, x, y, k1=4, k2=3)),
        (ValueError, "k1 is 0", lambda m, x, y: windows(m, x, y, k1=0)),
        (ShapeError, r"x\[None\]", lambda m, x, y: windows(m, x[0], k1=4)),
        (ShapeError, r"y has shape \(2, 3, 1\)", lambda m, x, y: windows(m, x, y[:, :3], k1=4)),
        (ShapeError, "reset has shape", lambda m, x, y: windows(m, x, reset=y[0] > 0, k1=4)),
        (ValueError, "iterable of chunks", lambda m, x, y: windows(m, [x], y, k1=4)),
        (ShapeError, "only some chunks", lambda m, x, y: list(windows(m, [(x, y), x], k1=50))),
        (DataError, "not an array", lambda m, x, y: list(windows(m, ["a"], k1=4))),
        (
            NotStreamableError,
            "Bidirectional reads every sequence from the end",
            lambda m, x, y: windows(rc.Bidirectional(rc.cells.GRU(2, 1)), x, k1=4),
        ),
        (ValueError, "batch_first=True", lambda m, x, y: windows(nn.GRU(2, 1), x, k1=4)),
    ],
)
def test_what_cannot_be_cut_into_windows_is_refused_at_once(error, message, call):
    with pytest.raises(error, match=message):
        call(a_layer(), *a_stream())
