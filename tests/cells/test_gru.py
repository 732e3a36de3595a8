"""The GRU with its reset before the product, against the equations of Cho et al. 2014."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from recurra import Recurrent, cells


def cho(x, h, W, U, b):
    """One row of their gated unit, unit by unit; W, U and b by the letter of the gate."""
    sigma = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    answers = []
    for x_t in x:
        r = [sigma(W["r"][j] @ x_t + U["r"][j] @ h + b["r"][j]) for j in range(len(h))]
        z = [sigma(W["z"][j] @ x_t + U["z"][j] @ h + b["z"][j]) for j in range(len(h))]
        reset = np.array([r[j] * h[j] for j in range(len(h))])
        new = [np.tanh(W["n"][j] @ x_t + U["n"][j] @ reset + b["n"][j]) for j in range(len(h))]
        h = np.array([z[j] * h[j] + (1 - z[j]) * new[j] for j in range(len(h))])
        answers.append(h)
    return np.array(answers)


def weights_of(cell, order="rzn"):
    state = {name: value.numpy() for name, value in cell.state_dict().items()}
    U = [*np.split(state["recurrent.weight"], 2), state["candidate.weight"]]
    return [
        dict(zip(order, blocks, strict=True))
        for blocks in (np.split(state["input.weight"], 3), U, np.split(state["input.bias"], 3))
    ]


@pytest.fixture
def sequence():
    torch.manual_seed(0)
    cell = cells.GRU(3, 4, reset="before").double()
    x, h = torch.randn(6, 3).double(), torch.randn(4).double()
    y, _ = Recurrent(cell)(x, cells.GRUState(h=h))
    return cell, x.numpy(), h.numpy(), y.detach().numpy()


def test_reset_before_the_product_matches_the_papers_equations(sequence):
    cell, x, h, y = sequence

    np.testing.assert_allclose(y, cho(x, h, *weights_of(cell)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ["zrn", "nzr", "rnz"])
def test_that_oracle_notices_swapped_gates(sequence, order):
    cell, x, h, y = sequence

    assert not np.allclose(y, cho(x, h, *weights_of(cell, order)), atol=1e-3)


def test_where_the_reset_acts_is_one_when_nothing_is_reset():
    torch.manual_seed(0)
    after, before = cells.GRU(3, 4).double(), cells.GRU(3, 4, reset="before").double()
    with torch.no_grad():
        after.candidate_bias.zero_()
        before.input.load_state_dict(after.input.state_dict())
        before.recurrent.weight.copy_(after.recurrent.weight[:8])
        before.candidate.weight.copy_(after.recurrent.weight[8:])
        for cell in (after, before):
            cell.input.bias[:4] = 100  # r is 1
    x = torch.randn(2, 5, 3).double()

    assert_close(Recurrent(after)(x)[0], Recurrent(before)(x)[0])


@pytest.mark.parametrize("reset", ["after", "before"])
def test_gates_are_those_of_the_update(reset):
    cell = cells.GRU(3, 4, reset=reset)
    h, x = torch.rand(2, 4), torch.randn(2, 3)
    with torch.no_grad():
        cell.input.weight[8:].zero_()
        cell.input.bias[8:] = 0
        if reset == "after":
            cell.recurrent.weight[8:].zero_()
            cell.candidate_bias.zero_()
        else:
            cell.candidate.weight.zero_()

    # With a candidate of 0 what is left of h is z.
    assert_close(cell.update(cells.GRUState(h), x).h, cell.gates(cells.GRUState(h), x)["z"] * h)


def test_an_unknown_reset_is_refused():
    with pytest.raises(ValueError, match="reset") as error:
        cells.GRU(3, 4, reset="never")
    assert str(error.value) == "GRU: reset is 'never', expected 'after' or 'before' the product."
