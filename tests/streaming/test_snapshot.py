"""A snapshot is the state and 48 bytes; it is whole and its model's, or refused; and it goes on.

On any number of threads and with any instruction set, a restored stream has the bits of the one
that was never stopped.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from torch import nn

from fuzz.sealing import resealed
from recurra import Recurrent, Residual, Stack, cells
from recurra.engine import _native
from recurra.errors import ModelFileError, StateError
from recurra.streaming.statefile import pack_states
from tests.contracts.drawn import layer_of, x_of
from tests.contracts.rows import every_streaming_layer
from tests.streaming.made import a_model, loaded

OVERHEAD = 48


@pytest.fixture
def model(tmp_path):
    return loaded(a_model(), tmp_path)


def fed(model, count):
    stream = model.stream()
    stream.steps(np.random.default_rng(0).normal(size=(count, model.input_size)))
    return stream


# --- going on -------------------------------------------------------------------------------------


@every_streaming_layer
def test_a_restored_stream_goes_on_bit_for_bit(row, tmp_path):
    model = loaded(layer_of(row), tmp_path)
    x = x_of(row, 1, 8)[0].numpy()
    stream = model.stream()
    stream.steps(x[:4])
    saved = stream.snapshot()
    wanted = stream.steps(x[4:])

    for again in (stream, model.stream()):
        again.restore(saved)
        np.testing.assert_array_equal(again.steps(x[4:]), wanted, strict=True)


GO_ON = """
import sys
import numpy, recurra
recurra.set_threads(int(sys.argv[3])) if sys.argv[3] != "1" else None
model = recurra.load(sys.argv[1])
stream = model.stream()
stream.restore(open(sys.argv[2], "rb").read())
x = numpy.random.default_rng(1).normal(size=(50, 5)).astype(numpy.float32)
half = stream.steps(x[:25])
rest = numpy.stack([stream.step(event) for event in x[25:]])
batch = {name: numpy.repeat(slot[None], 64, 0) for name, slot in stream.state.items()}
y, _ = model.run(numpy.repeat(x[None], 64, 0), batch)
sys.stdout.write((half.tobytes() + rest.tobytes() + stream.snapshot() + y[-1].tobytes()).hex())
"""


def test_it_goes_on_with_the_same_bits_on_any_threads_and_instruction_set(tmp_path):
    layer = Stack(
        nn.Linear(5, 7),
        Recurrent(cells.LSTM(7, 67)),
        nn.LayerNorm(67),
        Residual(Recurrent(cells.GRU(67, 67))),
    )
    stream = fed(loaded(layer, tmp_path), 20)
    (tmp_path / "snapshot").write_bytes(stream.snapshot())
    files = [str(tmp_path / "model.recurra"), str(tmp_path / "snapshot")]

    found = set()
    for isa in _native.supported_isas():
        for threads in ("1", "3"):
            done = subprocess.run(
                [sys.executable, "-c", GO_ON, *files, threads],
                env={**os.environ, "RECURRA_ISA": isa},
                capture_output=True,
                text=True,
                check=True,
            )
            found.add(done.stdout)

    x = np.random.default_rng(1).normal(size=(50, 5)).astype(np.float32)
    (got,) = found
    uninterrupted = stream.steps(x)
    assert bytes.fromhex(got).startswith(uninterrupted.tobytes() + stream.snapshot())


# --- what it is -----------------------------------------------------------------------------------


def test_it_takes_48_bytes_more_than_the_state(tmp_path):
    stream = fed(loaded(Recurrent(cells.LSTM(3, 16)), tmp_path), 3)

    assert len(stream.snapshot()) == 2 * 16 * 4 + OVERHEAD


def test_equal_states_give_equal_bytes_and_the_layout_is_the_one_described(model):
    stream, other = fed(model, 3), fed(model, 3)
    saved = stream.snapshot()

    assert other.snapshot() == saved
    assert saved[:8] == b"\x9aRCSNAP\x01"
    assert saved[8:40].hex() == model.fingerprint
    row = np.concatenate([stream.state["0.h"], stream.state["0.c"]]).astype("<f4")
    assert saved[40:-8] == row.tobytes()
    assert saved == resealed(saved)


def test_a_snapshot_of_the_layout_before_is_restored(model):
    stream = fed(model, 3)
    before = pack_states(model, {"": stream.state})
    again = model.stream()
    again.restore(before)

    assert again.snapshot() == stream.snapshot()


# --- what is refused ------------------------------------------------------------------------------


def test_any_byte_cut_or_changed_is_refused(tmp_path):
    stream = loaded(a_model(sizes=(1, 2, 1)), tmp_path).stream()
    stream.step([1.0])
    before = stream.state
    for saved in (stream.snapshot(), pack_states(stream.model, {"": stream.state})):
        for k in range(len(saved)):
            damages = [saved[:k], *(flipped(saved, k, flip) for flip in (0x01, 0x20, 0x80))]
            for damaged in damages:
                with pytest.raises(ModelFileError, match="the snapshot: "):
                    stream.restore(damaged)
        with pytest.raises(ModelFileError, match="the snapshot: "):
            stream.restore(saved + b"\0")

    for name, slot in stream.state.items():
        np.testing.assert_array_equal(slot, before[name])


def flipped(data, place, bits):
    changed = bytearray(data)
    changed[place] ^= bits
    return bytes(changed)


def test_a_snapshot_of_another_model_is_refused(model, tmp_path):
    other = loaded(a_model(seed=1), tmp_path)

    with pytest.raises(StateError, match=f"begins with '{other.fingerprint[:12]}', not '"):
        model.stream().restore(other.stream().snapshot())


def test_a_newer_version_is_named(model):
    saved = bytearray(model.stream().snapshot())
    saved[7] = 2

    with pytest.raises(ModelFileError, match="is of version 2, and this recurra reads up to 1"):
        model.stream().restore(resealed(bytes(saved)))


def test_a_forged_size_is_refused(model):
    saved = model.stream().snapshot()

    with pytest.raises(ModelFileError, match="has 36 bytes of state, not those of its model"):
        model.stream().restore(resealed(saved[:-8] + bytes(4) + saved[-8:]))
