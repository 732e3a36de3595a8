"""Our layers with torch's weights, and back."""

import itertools

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import recurra as rc
from recurra.interop import from_torch, state_from_torch, state_to_torch, to_torch
from recurra.interop.gates import TORCH, Gates, add_biases, reorder, split_biases

KINDS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}
kinds = pytest.mark.parametrize("kind", KINDS)
BLOCKS = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run():
    torch.manual_seed(0)


def torch_module(kind, **options):
    """3 features, 4 units, float64, random distinct weights."""
    make, more = KINDS[kind]
    module = make(3, 4, **more, **{"batch_first": True, **options}).double()
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.6)
    return module


def torch_state(module, batch):
    rows = module.num_layers * (2 if module.bidirectional else 1)
    slots = [torch.randn(rows, batch, 4, dtype=torch.float64) for _ in range(2)]
    return tuple(slots) if isinstance(module, nn.LSTM) else slots[0]


def random_x(*shape):
    return torch.randn(*shape, 3, dtype=torch.float64)


def close(got, wanted):
    assert_close(got, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
@kinds
def test_from_torch_gives_torchs_answers_and_states(kind, num_layers, bidirectional, bias):
    theirs = torch_module(kind, num_layers=num_layers, bidirectional=bidirectional, bias=bias)
    ours = from_torch(theirs)
    x, hx = random_x(2, 5), torch_state(theirs, 2)

    y, state = ours(x, state_from_torch(ours, hx))

    wanted, end = theirs(x, hx)
    close(y, wanted)
    close(state_to_torch(state), end)
    close(ours(x)[0], theirs(x)[0])


@kinds
def test_gradients_reach_x_as_they_do_in_torch(kind):
    theirs = torch_module(kind, num_layers=2)
    ours = from_torch(theirs)
    x = random_x(2, 5).requires_grad_()
    got, wanted = (torch.autograd.grad(m(x)[0].square().sum(), x) for m in (ours, theirs))
    close(got, wanted)


@kinds
def test_to_torch_goes_back_to_the_same_numbers(kind):
    theirs = torch_module(kind)
    ours = from_torch(theirs)
    x = random_x(2, 5)
    for source in (ours, ours.cell):
        back = to_torch(source)
        assert type(back) is type(theirs)
        close(back(x), theirs(x))
    close(dict(from_torch(back).state_dict()), dict(ours.state_dict()))


@kinds
def test_nothing_is_shared_with_the_original(kind):
    theirs = torch_module(kind)
    ours, x = from_torch(theirs), random_x(2, 5)
    back, before = to_torch(ours), theirs(x)[0]
    for weight in theirs.parameters():
        nn.init.zeros_(weight)
    close(ours(x)[0], before)
    for weight in ours.parameters():
        nn.init.zeros_(weight)
    close(back(x)[0], before)


@pytest.mark.parametrize(
    ("kind", "pair"),
    [(kind, pair) for kind in KINDS for pair in itertools.combinations(range(BLOCKS[kind]), 2)],
)
@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
def test_the_oracle_notices_two_swapped_gates(kind, pair, name):
    theirs = torch_module(kind)
    blocks = list(theirs.state_dict()[name].chunk(BLOCKS[kind]))
    a, b = pair
    blocks[a], blocks[b] = blocks[b].clone(), blocks[a].clone()
    swapped = torch_module(kind)
    swapped.load_state_dict({**theirs.state_dict(), name: torch.cat(blocks)})
    with pytest.raises(AssertionError):
        close(from_torch(swapped)(random_x(2, 5))[0], theirs(random_x(2, 5))[0])


@pytest.mark.parametrize("name", ["bias_ih_l0", "bias_hh_l0"])
@kinds
def test_the_oracle_notices_a_dropped_bias(kind, name):
    theirs, x = torch_module(kind), random_x(2, 5)
    wanted, _ = theirs(x)
    nn.init.zeros_(theirs.get_parameter(name))
    with pytest.raises(AssertionError):
        close(from_torch(theirs)(x)[0], wanted)


def test_the_oracle_notices_the_grus_second_bias_outside_the_reset_product():
    theirs, x = torch_module("gru"), random_x(2, 5)
    ours = from_torch(theirs)
    with torch.no_grad():
        ours.cell.input.bias[8:] += ours.cell.candidate_bias
        ours.cell.candidate_bias.zero_()
    with pytest.raises(AssertionError):
        close(ours(x)[0], theirs(x)[0])


@kinds
def test_the_oracle_notices_a_carried_over_state(kind):
    theirs, x = torch_module(kind), random_x(2, 5)
    ours = from_torch(theirs)
    _, state = ours(x)
    with pytest.raises(AssertionError):
        close(ours(x, state)[0], theirs(x)[0])


def test_dropout_and_mode_come_along():
    ours = from_torch(torch_module("gru", num_layers=2, dropout=0.25).eval())
    assert isinstance(ours, rc.Stack)
    assert [type(part) for part in ours.parts] == [rc.Recurrent, nn.Dropout, rc.Recurrent]
    assert ours.parts[1].p == 0.25
    assert not any(module.training for module in ours.modules())


def test_type_and_module_of_ours_come_along():
    ours = from_torch(rc.nn.LSTM(3, 4, dtype=torch.float64))
    assert ours.cell.input.weight.dtype == torch.float64
    assert to_torch(ours).weight_ih_l0.dtype == torch.float64


def test_a_module_that_runs_time_first_becomes_batch_first():
    theirs, x = torch_module("lstm", batch_first=False), random_x(2, 5)
    close(from_torch(theirs)(x)[0], theirs(x.transpose(0, 1))[0].transpose(0, 1))


def test_a_projection_is_refused():
    with pytest.raises(ValueError, match="proj_size") as error:
        from_torch(nn.LSTM(3, 4, proj_size=2))
    assert str(error.value) == (
        "from_torch: module has proj_size=2, and there is no projected cell to put its weights in. "
        "Use recurra.nn.LSTM, which takes proj_size."
    )


@pytest.mark.parametrize("module", [nn.Linear(3, 4), nn.LSTMCell(3, 4), rc.cells.GRU(3, 4)])
def test_another_module_is_refused(module):
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.RNN, LSTM or GRU"):
        from_torch(module)


class OwnLSTM(rc.cells.LSTM):
    """Somebody's subclass, which may compute something else."""


@pytest.mark.parametrize(
    "cell",
    [
        rc.cells.GRU(3, 4, reset="before"),
        rc.cells.Zoneout(rc.cells.LSTM(3, 4), 0.1),
        rc.cells.Mean(3),
        OwnLSTM(3, 4),
    ],
)
def test_a_cell_that_torch_does_not_have_is_refused(cell):
    with pytest.raises(TypeError, match="has no module that computes the same"):
        to_torch(rc.Recurrent(cell))


def test_blocks_move_by_their_letters():
    weight = torch.arange(8).reshape(8, 1)
    onnx_like = reorder(weight, TORCH["LSTM"], Gates("iofu"))
    assert onnx_like.flatten().tolist() == [0, 1, 6, 7, 2, 3, 4, 5]
    assert torch.equal(reorder(onnx_like, Gates("iofu"), TORCH["LSTM"]), weight)


@pytest.mark.parametrize("gates", [*TORCH.values(), Gates("zrn", apart="n")])
def test_split_biases_is_the_way_back_of_add_biases(gates):
    one, two = torch.randn(2, 2 * len(gates.order))
    bias, apart = add_biases(one, two, gates)
    assert len(apart) == 2 * len(gates.apart)
    assert_close(add_biases(*split_biases(bias, apart, gates), gates), (bias, apart))
