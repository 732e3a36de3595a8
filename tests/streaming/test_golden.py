"""Files of every version so far load, answer as they did, and the states kept beside them go on.

They are never written again: what an earlier recurra wrote is what its users have. Each holds
``Stack(Standardize, InitialState(LSTM(3, 4)), LayerNorm, Residual(GRU(4, 4)), Linear(4, 2))`` with
the weights of one seed; the states are those after two of the three events, and H_0. Snapshots
are of version 2's model, after the same two events.

``version-2-indices`` is ``Stack(Embedding(5, 3), LSTM(3, 4), GRU(4, 3), Linear(3, 2))``.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.layers import Stack
from recurra.streaming import load, read_states

GOLDEN = Path(__file__).parent / "golden"
FINGERPRINTS = {
    1: "3f8623cda63fa6b18e6c869cc4a66d59a4c93812b8d87c44438c21df222bf9e6",
    2: "c945cbdf872d1413e87b9200f0dec6b8c657d326cf9f42b12fae1671b2307893",
}
EVENTS = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.0]], np.float32)
ANSWERS = np.array([[0.1050808, 0.3374878], [-0.3988609, -0.0343888], [-0.2442766, 0.2404339]])

every_version = pytest.mark.parametrize("version", FINGERPRINTS)


def assert_close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)


@every_version
def test_a_model_of_every_version_answers_as_it_did(version):
    model = load(GOLDEN / f"version-{version}.recurra")

    assert model.engine == ("torch" if version == 1 else "native")
    assert model.fingerprint == FINGERPRINTS[version]
    assert model.notes == {"features": ["a", "b", "c"]}
    assert_close(model.run(EVENTS)[0], ANSWERS)
    assert_close(model.stream().steps(EVENTS), ANSWERS)


@every_version
def test_its_layers_come_back_for_more_training(version):
    layers = load(GOLDEN / f"version-{version}.recurra", torch=True)

    assert isinstance(layers, Stack)
    assert_close(layers.eval()(torch.from_numpy(EVENTS))[0].detach().numpy(), ANSWERS)


@every_version
def test_states_of_every_version_go_on(version):
    model = load(GOLDEN / f"version-{version}.recurra")

    states = read_states(GOLDEN / f"version-{version}.states", model)

    assert list(states) == ["pump-7", ""]
    assert_close(model.stream(states["pump-7"]).step(EVENTS[2]), ANSWERS[2])
    assert_close(model.stream(states[""]).steps(EVENTS), ANSWERS)


def test_a_file_of_version_1_says_how_it_comes_to_run_natively():
    model = load(GOLDEN / "version-1.recurra")

    assert "engine       torch: the file is of version 1; load it with torch=True and save" in (
        model.describe()
    )


@pytest.mark.parametrize("kept", ["states-1.snapshot", "snapshot-1.snapshot"])
def test_a_snapshot_of_every_layout_goes_on(kept):
    stream = load(GOLDEN / "version-2.recurra").stream()
    stream.restore((GOLDEN / kept).read_bytes())

    assert_close(stream.step(EVENTS[2]), ANSWERS[2])


def test_the_newest_snapshot_is_still_written_as_it_was():
    """A byte that changed without a new version would not be noticed otherwise."""
    stream = load(GOLDEN / "version-2.recurra").stream()
    stream.restore((GOLDEN / "snapshot-1.snapshot").read_bytes())

    assert stream.snapshot() == (GOLDEN / "snapshot-1.snapshot").read_bytes()


def test_a_model_of_version_2_that_takes_indices_answers_as_it_did():
    path = GOLDEN / "version-2-indices.recurra"
    model, x = load(path), np.array([4, 0, 2])
    wanted = [[-1.3148061, -1.0787890], [-1.3093774, -1.2540312], [-1.3014208, -1.3299973]]

    assert (model.engine, model.fingerprint[:12]) == ("native", "4a547161a411")
    assert (model.takes_indices, model.notes) == (True, {"classes": ["a", "b"]})
    assert_close(model.run(x)[0], wanted)
    assert_close([model.stream().step(4)], wanted[:1])
    layers = load(path, torch=True).eval()
    assert_close(layers(torch.from_numpy(x))[0].detach().numpy(), wanted)
