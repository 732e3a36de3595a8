"""The numpy losses against torch's."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from recurra.training.tasks.losses import IGNORED, LOSSES, sigmoid

RNG = np.random.default_rng(0)
LENGTHS = (1, 4, 9)
OUTPUTS = [RNG.normal(scale=20.0, size=(n, 5)) for n in LENGTHS]


def together(arrays):
    return torch.from_numpy(np.concatenate(arrays))


def test_cross_entropy_matches_torch_and_skips_what_does_not_count():
    classes = [RNG.integers(5, size=n) for n in LENGTHS]
    classes[1][:3] = IGNORED
    want = F.cross_entropy(together(OUTPUTS), together(classes))
    assert LOSSES["cross_entropy"](OUTPUTS, classes) == pytest.approx(want.item(), rel=1e-12)


def test_cross_entropy_of_one_answer_a_sequence_matches_torch():
    outputs = [row for p in OUTPUTS for row in p]
    classes = [np.array(k) for k in RNG.integers(5, size=len(outputs))]
    want = F.cross_entropy(together(OUTPUTS), torch.from_numpy(np.stack(classes)))
    assert LOSSES["cross_entropy"](outputs, classes) == pytest.approx(want.item(), rel=1e-12)


def test_mse_matches_torch():
    values = [RNG.normal(size=p.shape) for p in OUTPUTS]
    want = F.mse_loss(together(OUTPUTS), together(values))
    assert LOSSES["mse"](OUTPUTS, values) == pytest.approx(want.item(), rel=1e-12)


def test_bce_matches_torch_for_large_logits_too():
    outputs = [50.0 * p for p in OUTPUTS]
    answers = [RNG.integers(2, size=p.shape).astype(float) for p in outputs]
    want = F.binary_cross_entropy_with_logits(together(outputs), together(answers))
    assert LOSSES["bce"](outputs, answers) == pytest.approx(want.item(), rel=1e-12)


def test_these_oracles_notice_a_mean_of_means():
    values = [np.zeros_like(p) for p in OUTPUTS]
    mean_of_means = np.mean([(p**2).mean() for p in OUTPUTS])
    assert LOSSES["mse"](OUTPUTS, values) != pytest.approx(mean_of_means, rel=1e-3)


def test_sigmoid_matches_torch_at_both_ends():
    logits = np.array([-1000.0, -3.0, 0.0, 3.0, 1000.0])
    np.testing.assert_allclose(sigmoid(logits), torch.sigmoid(torch.from_numpy(logits)), atol=1e-15)
