"""Each contract is shown a layer that breaks it, and says so."""

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError

from recurra import Recurrent, cells
from recurra.cells.state import map_state
from recurra.layers import Layer
from recurra.layers import layer as layer_module
from recurra.layers import recurrent as recurrent_module
from recurra.layers import scan as scan_module
from tests.contracts import (
    test_description,
    test_gradients,
    test_memory,
    test_modules,
    test_resets,
    test_rows,
    test_time,
)
from tests.contracts.homemade import Directions, FastWeights, LastInput, Leaky
from tests.contracts.rows import Row

cut = test_resets.test_a_reset_equals_a_cut_in_values_and_gradients
rubbish_past = test_rows.test_rubbish_past_the_lengths_reaches_no_answer_state_or_gradient
ragged = test_rows.test_ragged_rows_equal_each_row_alone_at_its_length.hypothesis.inner_test
chunks = test_time.test_any_chunks_equal_the_sequence.hypothesis.inner_test


@pytest.fixture(params=["torch"], autouse=True)
def engine(monkeypatch):
    """The faults are planted in what torch runs."""
    monkeypatch.setattr(Layer, "_engine", "torch")


def row_of(layer_class, make_cell=lambda: cells.LSTM(3, 4)):
    return Row("broken", lambda: layer_class(make_cell()))


def with_run(change):
    """A layer whose arithmetic gets other arguments than it was given."""

    class Broken(Recurrent):
        def run(self, given):
            return super().run(given._replace(**change(self, given)))

    return row_of(Broken)


sound = row_of(Recurrent)


def test_a_sound_layer_passes_what_the_broken_ones_are_shown():
    cut(sound)
    ragged(sound, [2, 0, 5, 1])
    chunks(sound, [3])
    rubbish_past(sound)


def test_a_missing_reset():
    with pytest.raises(AssertionError):
        cut(with_run(lambda layer, given: {"reset": None}))


def test_a_reset_one_step_late():
    def late(layer, given):
        return {"reset": None if given.reset is None else given.reset.roll(1, dims=1)}

    with pytest.raises(AssertionError):
        cut(with_run(late))


def test_a_state_carried_over_from_the_call_before():
    class Sticky(Recurrent):
        left = None

        def initial_state(self, batch):
            start = super().initial_state(batch)
            fits = self.left is not None and len(self.left.h) == batch
            return self.left if fits else start

        def run(self, given):
            done = super().run(given)
            self.left = done.state
            return done

    with pytest.raises(AssertionError):
        test_modules.test_in_evaluation_the_same_call_gives_the_same_bits(row_of(Sticky))


def test_a_state_that_is_given_and_ignored():
    def ignored(layer, given):
        return {"state": layer.initial_state(len(given.x))}

    with pytest.raises(AssertionError):
        chunks(with_run(ignored), [3])


@pytest.mark.parametrize("by", [-1, 1])
def test_lengths_off_by_one(by):
    def off(layer, given):
        return {"lengths": None if given.lengths is None else (given.lengths + by).clamp(min=0)}

    with pytest.raises(AssertionError):
        ragged(with_run(off), [2, 0, 5, 1])


def test_a_state_that_runs_on_over_the_padding():
    with pytest.raises(AssertionError):
        ragged(with_run(lambda layer, given: {"lengths": None}), [2, 0, 5, 1])


def test_padding_that_leaks(monkeypatch):
    monkeypatch.setattr(layer_module, "fill_past", lambda values, lengths, filling: values)

    with pytest.raises(AssertionError):
        rubbish_past(sound)


def test_a_gradient_that_is_not_a_number_at_the_padding(monkeypatch):
    def zeros(values, lengths, filling):
        real = torch.arange(values.shape[1]) < lengths[:, None]
        return values.where(real[..., None], 0)

    monkeypatch.setattr(layer_module, "fill_past", zeros)

    with pytest.raises(AssertionError):
        rubbish_past(row_of(Recurrent, lambda: Directions(3, 4)))


def test_output_before_update():
    class Early(Recurrent):
        def run(self, given):
            done = super().run(given._replace(keep_states=True))
            before = torch.cat([given.state.h[:, None], done.states.h[:, :-1]], dim=1)
            return done._replace(y=before, states=done.states if given.keep_states else None)

    with pytest.raises(AssertionError):
        test_time.test_stepping_equals_the_sequence(row_of(Early), torch.float64)


def test_all_states_one_step_early():
    class Early(Recurrent):
        def run(self, given):
            done = super().run(given)
            early = map_state(lambda slot: slot.roll(1, dims=1), done.states or ())
            return done._replace(states=early)

    with pytest.raises(AssertionError):
        test_time.test_the_last_of_all_states_is_the_final_state(row_of(Early))


def test_rows_that_see_each_other():
    class BatchNormed(Leaky):
        def update(self, state, x):
            return super().update(state, x - x.mean(0))

    with pytest.raises(AssertionError):
        test_rows.test_a_row_equals_that_row_alone(row_of(Recurrent, lambda: BatchNormed(3, 4)))


def test_a_state_written_to_in_place(monkeypatch):
    class InPlace(Leaky):
        def update(self, state, x):
            return state.mul_(0.5).add_(self.input(x).detach())

    for module in (scan_module, recurrent_module):
        monkeypatch.setattr(module, "check_unwritten", lambda *_: None)
    with pytest.raises(AssertionError):
        test_memory.test_a_call_writes_to_none_of_its_arguments(
            row_of(Recurrent, lambda: InPlace(3, 4))
        )


def test_a_state_that_is_x_itself(monkeypatch):
    row = row_of(Recurrent, lambda: LastInput(3))
    for module in (scan_module, recurrent_module):
        monkeypatch.setattr(module, "own_memory", lambda state, x: state)

    with pytest.raises(AssertionError):
        test_memory.test_nothing_given_back_changes_when_x_is_written_to(row, False)
    with pytest.raises(AssertionError):
        test_memory.test_a_stream_may_be_fed_from_one_buffer_and_its_answers_written_to(row, False)


def test_a_gradient_cut_short():
    class Detached(Leaky):
        def update(self, state, x):
            return super().update(state.detach(), x)

    with pytest.raises(GradcheckError):
        test_gradients.test_gradients_through_lengths_and_resets_pass_gradcheck(
            row_of(Recurrent, lambda: Detached(3, 4))
        )


def test_noise_that_stays_on_in_evaluation():
    class Noisy(Leaky):
        def update(self, state, x):
            return super().update(state, x + torch.rand_like(x))

    with pytest.raises(AssertionError):
        test_modules.test_in_evaluation_the_same_call_gives_the_same_bits(
            row_of(Recurrent, lambda: Noisy(3, 4))
        )


def test_a_config_that_forgets_an_option():
    class Forgetful(FastWeights):
        def config(self):
            return {"input_size": self.input_size, "size": self.size}

    with pytest.raises(AssertionError):
        test_description.test_config_and_state_dict_make_the_same_layer_again(
            row_of(Recurrent, lambda: Forgetful(3, 4, decay=0.5))
        )
