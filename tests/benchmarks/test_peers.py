"""Every peer computes what recurra does, and the check would notice if it did not."""

import importlib
from dataclasses import replace

import pytest

from benchmarks.harness.case import GATES, Case
from benchmarks.harness.race import OURS, TOLERANCE, difference
from benchmarks.peers.job import NotSupportedError

MODES = ("step", "forward", "training")
PEERS = {  # and the library that each needs beside torch
    "recurra_nn": "torch",
    "recurra_engine": "recurra.engine._native",
    "torch_layer": "torch",
    "torch_cell": "torch",
    "torch_loop": "torch",
    "jax_scan": "jax",
    "onnx_runtime": "onnxruntime",
    "openvino_model": "openvino",
}


def answer_of(peer, case):
    return importlib.import_module(f"benchmarks.peers.{peer}").make(case).answer()


def small(kind, mode):
    if mode == "keyed":
        return Case(kind, mode, 4, 1, 5, keys=22)
    batch, time = (1, 1) if mode == "step" else (3, 7)
    return Case(kind, mode, batch, time, 5)


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("mode", ["forward", "training", "step", "keyed"])
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_computes_the_same_as_recurra(peer, mode, kind):
    pytest.importorskip(PEERS[peer])
    case = small(kind, mode)
    try:
        theirs = answer_of(peer, case)
    except NotSupportedError:
        return
    found = difference(answer_of(OURS, case), theirs)

    assert {"y", *(["dx", "dW", "dR"] if mode == "training" else [])} <= found.keys()
    assert max(found.values()) < 1e-5


@pytest.mark.parametrize("options", [{"ragged": True}, {"resets": 0.2}], ids=str)
@pytest.mark.parametrize("mode", ["forward", "training"])
def test_the_drop_ins_compute_the_same_with_ragged_rows_and_resets(mode, options):
    case = replace(small("lstm", mode), **options)

    found = difference(answer_of(OURS, case), answer_of("recurra_nn", case))

    assert max(found.values()) < 1e-5


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_that_check_notices_two_swapped_gates(kind, monkeypatch):
    case = small(kind, "training")
    ours = answer_of(OURS, case)
    peer = importlib.import_module("benchmarks.peers.torch_layer")
    draw = peer.draw_weights

    def swapped(case):
        weights = draw(case)
        first, second = slice(case.size), slice(case.size, 2 * case.size)
        for letter in "WRb":
            blocks = weights[letter].copy()
            weights[letter][first], weights[letter][second] = blocks[second], blocks[first]
        return weights

    monkeypatch.setattr(peer, "draw_weights", swapped)

    assert difference(ours, peer.make(case).answer())["y"] > 10 * TOLERANCE
