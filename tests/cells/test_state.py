"""States as trees of tensors."""

import dataclasses
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from recurra import StateError, cells
from recurra.cells.state import describe, map_state, named_slots, same_structure, select


class Theirs(NamedTuple):
    h: Tensor


@dataclasses.dataclass(frozen=True)
class Frozen:
    inner: Theirs
    matrix: Tensor


def frozen(batch=2):
    return Frozen(Theirs(torch.ones(batch, 3)), torch.ones(batch, 2, 2))


def test_slots_are_named_by_their_path():
    state = (frozen(), (), torch.zeros(2))

    assert list(named_slots(state)) == ["0.inner.h", "0.matrix", "2"]
    assert list(named_slots(torch.zeros(2))) == ["state"]
    assert describe(state) == "0.inner.h (2, 3), 0.matrix (2, 2, 2), 1 (), 2 (2,)"
    assert describe(torch.zeros(2)) == "state (2,)"


def test_mapping_keeps_the_classes():
    doubled = map_state(torch.add, (frozen(), ()), (frozen(), ()))

    assert type(doubled[0]) is Frozen
    assert type(doubled[0].inner) is Theirs
    assert doubled[1] == ()
    assert (doubled[0].matrix == 2).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(1), (torch.zeros(1),)),
        ((torch.zeros(1), ()), (torch.zeros(1),)),
        (((), torch.zeros(1)), (torch.zeros(1), torch.zeros(1))),
        (cells.LSTMState(torch.zeros(1), torch.zeros(1)), (torch.zeros(1), torch.zeros(1))),
        (Theirs(torch.zeros(1)), frozen()),
        ((), ((),)),
    ],
)
def test_states_of_another_structure_do_not_mix(one, other):
    assert same_structure(one, one)
    assert not same_structure(one, other)
    with pytest.raises(StateError, match="the states differ in structure"):
        map_state(torch.add, one, other)


def test_slots_count_by_name_and_not_by_class():
    assert same_structure(Theirs(torch.zeros(1)), cells.GRUState(torch.zeros(1)))


def test_select_picks_whole_rows_of_slots_of_any_shape():
    zeros = map_state(torch.zeros_like, frozen())

    picked = select(torch.tensor([True, False]), frozen(), zeros)

    assert (picked.matrix[0] == 1).all()
    assert (picked.matrix[1] == 0).all()
    assert picked.inner.h.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_what_is_no_state_is_refused():
    with pytest.raises(StateError) as error:
        named_slots([torch.zeros(1)])
    assert str(error.value) == (
        "a state is a tensor, or a NamedTuple, dataclass or tuple of states, not list."
    )
