"""An ONNX model of one recurrent layer, its state going in and out, built node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.harness.case import GATES, Case
from benchmarks.harness.data import Array, draw_weights
from benchmarks.peers.job import NotSupportedError

__all__ = ["STATES", "build"]

STATES = {"lstm": ("h", "c"), "gru": ("h",), "elman": ("h",)}

_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "elman": "RNN"}
# ONNX's order of blocks, as places in torch's: i o f c of i f u o, and z r h of r z n.
_ORDERS = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "elman": (0,)}


def build(case: Case) -> bytes:
    """Inputs x (time, batch, size) and ``h``, ``c`` (1, batch, size); outputs y (time, 1, batch,
    size) and ``h_out``, ``c_out``. Every shape is fixed, which lets a runtime prepare the most.
    """
    if case.kind not in _OPERATORS:
        raise NotSupportedError(f"ONNX has no operator for {case}")
    weights, n = draw_weights(case), case.size
    hidden_bias = np.zeros_like(weights["b"])
    if "b_h" in weights:
        hidden_bias[2 * n :] = weights["b_h"]
    bias = np.concatenate([_ordered(case, weights["b"]), _ordered(case, hidden_bias)])
    constants = {"W": _ordered(case, weights["W"]), "R": _ordered(case, weights["R"]), "B": bias}

    state = [case.batch, n]
    names = STATES[case.kind]
    attributes: dict[str, Any] = {"hidden_size": n}
    if case.kind == "gru":
        attributes["linear_before_reset"] = 1
    node = helper.make_node(
        _OPERATORS[case.kind],
        ["x", "W", "R", "B", "", *names],
        ["y", *(f"{name}_out" for name in names)],
        **attributes,
    )
    graph = helper.make_graph(
        [node],
        "layer",
        [
            _float("x", [case.time, *state]),
            *(_float(name, [1, *state]) for name in names),
        ],
        [
            _float("y", [case.time, 1, *state]),
            *(_float(f"{name}_out", [1, *state]) for name in names),
        ],
        [numpy_helper.from_array(value[None], name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8, producer_name="recurra"
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _ordered(case: Case, values: Array) -> Array:
    blocks = np.split(values, GATES[case.kind])
    return np.concatenate([blocks[place] for place in _ORDERS[case.kind]])


def _float(name: str, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
