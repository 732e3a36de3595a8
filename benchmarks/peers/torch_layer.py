"""torch.nn.LSTM, GRU and RNN, laid out as they like best: time first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.harness.case import GATES, Case
from benchmarks.harness.data import draw_inputs, draw_weights
from benchmarks.peers.job import Answer, Job, NotSupportedError
from benchmarks.peers.torch_training import forward_job, training_job

__all__ = ["copy_weights", "make", "step_job", "versions"]

LAYERS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "elman": nn.RNN}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}


def make(case: Case) -> Job:
    if case.kind not in LAYERS or case.resets or case.mode == "keyed":
        raise NotSupportedError(f"torch has no layer for {case}")
    torch.set_num_threads(case.threads)
    layer = LAYERS[case.kind](case.size, case.size)
    parameters = copy_weights(case, dict(layer.named_parameters()))
    if case.mode == "step":
        return step_job(case, lambda x, state: layer(x[None], state))
    forward = _packed(layer, case) if case.ragged else lambda x: layer(x)[0]
    if case.mode == "training":
        return training_job(case, forward, parameters, time_major=True)
    return forward_job(case, forward, time_major=True)


def copy_weights(case: Case, named: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """The case's weights in a layer or cell of torch's; its parameters by their letters.

    Torch has two biases where one is enough. The first gets ours, and the second is zero but for
    the part of a GRU's that acts inside its reset.
    """
    weights = draw_weights(case)
    hidden_bias = torch.zeros(GATES[case.kind] * case.size)
    if "b_h" in weights:
        hidden_bias[2 * case.size :] = torch.from_numpy(weights["b_h"])
    values = [*(torch.from_numpy(weights[letter]) for letter in "WRb"), hidden_bias]
    with torch.no_grad():
        # Layers name them weight_ih_l0 and so on, cells weight_ih; the order is the same.
        for parameter, value in zip(named.values(), values, strict=True):
            parameter.copy_(value)
    return dict(zip(("W", "R", "b", "second bias"), named.values(), strict=True))


def step_job(case: Case, step: Any) -> Job:
    """Times one step that goes on from the state before it.

    Args:
        case: what its events are drawn from.
        step: x (batch, size) and a state to y (..., size) and the state after it.
    """
    events = [x.clone() for x in torch.from_numpy(draw_inputs(case).x).unbind(1)]
    state: Any = None

    @torch.inference_mode()
    def run() -> None:
        nonlocal state
        _, state = step(events[0], state)

    @torch.inference_mode()
    def answer() -> Answer:
        states, ys = None, []
        for x in events:
            y, states = step(x, states)
            ys.append(y.reshape(1, case.size))
        return {"y": torch.stack(ys, dim=1).numpy()}

    return Job(run, answer)


def _packed(layer: nn.RNNBase, case: Case) -> Any:
    lengths = torch.as_tensor(draw_inputs(case).lengths)

    def forward(x: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return pad_packed_sequence(layer(packed)[0], total_length=case.time)[0]

    return forward
