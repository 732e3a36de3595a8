"""What was recorded is what happened, and pictures show it with names and scales."""

import numpy as np
import pytest
import torch

import recurra as rc
from recurra.drawing import check_format, heat_maps, record, save_figure
from recurra.errors import DataError


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def test_the_recorded_states_and_gates_are_those_of_torchs_equations(x):
    torch.manual_seed(0)
    cell = rc.cells.LSTM(3, 4)
    seen = record(rc.Stack(rc.Recurrent(cell), torch.nn.Linear(4, 2)), x)

    W, R = cell.input.weight.detach().numpy(), cell.recurrent.weight.detach().numpy()
    b = cell.input.bias.detach().numpy()
    h, c = np.zeros(4), np.zeros(4)
    for t, event in enumerate(x):
        i, f, u, o = np.split(W @ event + R @ h + b, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(u)
        h = o * np.tanh(c)
        for name, value in {"i": i, "f": f, "o": o}.items():
            np.testing.assert_allclose(seen.gates[f"0.{name}"][t], value, atol=1e-5)
        np.testing.assert_allclose(seen.states["0.h"][t], h, atol=1e-5)
        np.testing.assert_allclose(seen.states["0.c"][t], c, atol=1e-5)
    assert seen.y.shape == (6, 2)


def test_recording_leaves_the_model_in_its_mode_and_without_hooks(x):
    model = rc.Stack(rc.Recurrent(rc.cells.GRU(3, 4)), torch.nn.Dropout(0.5))
    modes = {name: part.training for name, part in model.named_modules()}

    first, second = record(model, x), record(model, x)

    np.testing.assert_array_equal(first.y, second.y)  # no dropout while recording
    assert {name: part.training for name, part in model.named_modules()} == modes
    assert all(not part._forward_hooks for part in model.modules())


def test_rows_have_names_or_numbers_and_every_map_a_scale():
    panels = {"few": np.zeros((5, 3)), "many": np.zeros((5, 40)), "named": np.zeros((5, 2))}

    figure = heat_maps(panels, row_names={"named": ["$a", "b"], "many": ["no"] * 40})

    maps, scales = figure.axes[:3], figure.axes[3:]
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in maps]
    assert [axes.get_ylabel() for axes in maps] == ["few", "many", "named"]
    assert labels == [["1", "3"], ["1", "40"], [r"\$a", "b"]]
    assert len(scales) == 3


def test_shares_are_drawn_from_0_to_1_and_others_around_zero():
    figure = heat_maps({"gate": np.array([[0.2, 0.4]]), "state": np.array([[-3.0, 1.0]])})

    limits = [axes.images[0].get_clim() for axes in figure.axes[:2]]

    assert limits == [(0, 1), (-3, 3)]


@pytest.mark.parametrize(("steps", "units", "outputs"), [(1, 1, 1), (5000, 300, 1), (40, 64, 30)])
def test_any_size_can_be_drawn(steps, units, outputs, tmp_path):
    rng = np.random.default_rng(0)
    names = [f"answer {k}" for k in range(outputs)]

    figure = heat_maps(
        {"state": rng.normal(size=(steps, units))},
        answers=rng.normal(size=(steps, outputs)),
        answer_names=names,
        title="$5 & more",
    )
    width, height = figure.get_size_inches()

    assert width <= 16
    assert height <= 12
    assert save_figure(figure, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match=r"states: cannot draw to a name without an ending"):
        check_format("states")
    with pytest.raises(DataError, match=r"a\.docx: cannot draw to \.docx, expected one of .*eps"):
        save_figure(heat_maps({"h": np.zeros((2, 2))}), tmp_path / "a.docx")
    assert list(tmp_path.iterdir()) == []


def test_steps_that_share_a_pixel_are_averaged():
    panel = np.tile([[0.0, 1.0], [1.0, 1.0]], (2000, 1))  # 4000 steps

    drawn = heat_maps({"h": panel}).axes[0].images[0]

    assert drawn.get_array().shape == (2, 1000)
    np.testing.assert_allclose(drawn.get_array(), [[0.5] * 1000, [1.0] * 1000])
    assert drawn.get_extent() == [-0.5, 3999.5, 1.5, -0.5]
