"""What every task promises."""

import numpy as np
import pytest

from recurra.errors import ShapeError
from recurra.training import tasks

# One row a task and option that is not the default, small enough for every test below.
MAKERS = {
    "repeats": lambda count=5, **k: tasks.repeats(count, length=12, **k),
    "repeats, ragged": lambda count=5, **k: tasks.repeats(count, length=(1, 30), **k),
    "repeats, uniform": lambda count=5, **k: tasks.repeats(count, repeat_probability=0.1, **k),
    "seen": lambda count=5, **k: tasks.seen(count, length=12, **k),
    "seen, ragged": lambda count=5, **k: tasks.seen(count, length=(3, 9), symbols=4, **k),
    "reber": lambda count=5, **k: tasks.reber(count, **k),
    "reber, legal": lambda count=5, **k: tasks.reber(count, targets="legal", **k),
    "embedded": lambda count=5, **k: tasks.embedded_reber(count, **k),
    "embedded, legal": lambda count=5, **k: tasks.embedded_reber(count, targets="legal", **k),
    "continual": lambda count=5, **k: tasks.continual_embedded_reber(count, length=60, **k),
    "continual, next": lambda count=5, **k: tasks.continual_embedded_reber(
        count, length=60, targets="next", **k
    ),
    "adding": lambda count=5, **k: tasks.adding(count, length=30, **k),
    "adding, 2016": lambda count=5, **k: tasks.adding(
        count, length=30, variant="arjovsky2016", **k
    ),
    "multiplication": lambda count=5, **k: tasks.multiplication(count, length=30, **k),
    "temporal order 6a": lambda count=5, **k: tasks.temporal_order(count, 2, **k),
    "temporal order 6b": lambda count=5, **k: tasks.temporal_order(count, 3, **k),
    "copy": lambda count=5, **k: tasks.copy_memory(count, blanks=7, **k),
    "selective copy": lambda count=5, **k: tasks.selective_copy(count, length=40, **k),
}
every_task = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def as_bytes(task):
    return [array.tobytes() for array in (*task.inputs, *task.targets)]


def zeros_for(task):
    lengths = [() if task.kind == "last" else (len(x),) for x in task.inputs]
    return [np.zeros((*length, task.output_size)) for length in lengths]


def knowing(task):
    """Outputs made from the targets; for next symbols, from what the rule knows to be legal."""
    if task.loss == "mse":
        return task.targets
    if task.loss == "bce":
        return [100.0 * y - 50.0 for y in task.targets]
    if hasattr(task.rule, "legal"):
        return [100.0 * legal for legal in task.rule.legal]
    classes = [np.where(y == tasks.IGNORED, 0, y) for y in task.targets]
    return [100.0 * np.eye(task.output_size)[y] for y in classes]


@every_task
def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(make):
    assert as_bytes(make(seed=7)) == as_bytes(make(seed=7))
    assert as_bytes(make(seed=7)) != as_bytes(make(seed=8))


@every_task
def test_a_generator_given_as_seed_is_drawn_on_from(make):
    rng = np.random.default_rng(7)
    first, second = make(seed=rng), make(seed=rng)

    assert as_bytes(first) == as_bytes(make(seed=7))
    assert as_bytes(first) != as_bytes(second)


@every_task
def test_numpys_global_generator_is_neither_used_nor_moved(make):
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    expected = as_bytes(make(seed=3))
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002

    np.random.seed(99)  # noqa: NPY002
    assert as_bytes(make(seed=3)) == expected


@every_task
def test_arrays_have_the_documented_shapes_and_types(make):
    task = make()
    assert len(task) == len(task.inputs) == len(task.targets) == 5
    for (x, y), scored in zip(task.pairs(), task.scored, strict=True):
        steps = () if task.kind == "last" else (len(x),)
        assert x.dtype == np.float32
        assert x.shape == (len(x), task.input_size)
        outputs = () if task.loss == "cross_entropy" else (task.output_size,)
        assert y.shape == (*steps, *outputs)
        assert y.dtype == (np.int64 if task.loss == "cross_entropy" else np.float32)
        assert scored.shape == steps
        assert scored.any()


@every_task
def test_who_knows_the_answers_solves_everything(make):
    task = make()
    measures = task.score(knowing(task))
    assert measures["solved"] == 1.0
    assert measures.get("accuracy", 1.0) == 1.0
    assert measures.get("error", 0.0) == 0.0


@every_task
def test_one_wrong_sequence_of_five_is_noticed(make):
    task = make()
    outputs = [np.array(p, dtype=np.float64) for p in knowing(task)]
    outputs[2] = outputs[2] + 5.0 if task.loss == "mse" else -outputs[2]
    assert task.score(outputs)["solved"] == pytest.approx(0.8)


@pytest.mark.parametrize("name", [n for n, make in MAKERS.items() if make(1).kind == "steps"])
def test_one_wrong_step_costs_its_sequence(name):
    task = MAKERS[name]()
    outputs = [np.array(p, dtype=np.float64) for p in knowing(task)]
    last = np.flatnonzero(task.scored[0])[-1]
    outputs[0][last] *= -1
    measures = task.score(outputs)
    answers = sum(int(scored.sum()) for scored in task.scored)
    assert measures["solved"] == pytest.approx(0.8)
    assert measures["accuracy"] == pytest.approx(1 - 1 / answers)


@every_task
def test_outputs_that_are_not_numbers_solve_nothing(make):
    task = make()
    with np.errstate(invalid="ignore"):
        measures = task.score([p + np.nan for p in zeros_for(task)])
    assert np.isnan(measures["loss"])
    assert {measures.get(share, 0.0) for share in ("solved", "accuracy", "recalled")} == {0.0}


@every_task
def test_the_baseline_has_the_measures_of_the_score(make):
    task = make()
    assert set(task.baseline) == set(task.score(zeros_for(task)))


@every_task
def test_no_sequences_are_a_task_too(make):
    task = make(count=0)
    assert task.pairs() == []
    assert np.isnan(task.score([])["loss"])


@every_task
def test_it_says_what_it_is_and_where_it_is_from(make):
    task = make()
    assert task.name in tasks.__all__
    assert task.source
    assert repr(task).startswith(f"Task({task.name}: 5 sequences of ")


@every_task
def test_a_negative_count_is_refused(make):
    with pytest.raises(ValueError, match="count is -1, expected at least 0"):
        make(count=-1)


def test_a_missing_prediction_is_refused():
    task = tasks.adding(3, length=20)
    with pytest.raises(ShapeError) as error:
        task.score(task.targets[:2])
    assert str(error.value) == (
        "adding.score: predictions has 2 arrays, expected 3, one a sequence."
    )


def test_a_prediction_of_another_shape_is_refused():
    task = tasks.repeats(2, length=4)
    with pytest.raises(ShapeError) as error:
        task.score([np.zeros((4, 1)), np.zeros(4)])
    assert str(error.value) == (
        "repeats.score: predictions[1] has shape (4,), expected (4, 1). "
        "A prediction is (time, output)."
    )


def test_all_that_is_exported_exists_and_is_documented():
    for name in tasks.__all__:
        assert getattr(tasks, name) is not None
    assert tasks.__all__ == sorted(tasks.__all__)
