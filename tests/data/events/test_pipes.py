"""Events that come when they come."""

import os
import time

import pyarrow as pa
import pyarrow.parquet
import pytest

from recurra.data import EventReader


@pytest.mark.parametrize("lines", [b"x\n1\n", b"1\n", b"[1]\n", b'{"x": 1}\n'])
def test_an_event_comes_out_of_a_pipe_while_the_pipe_is_open(lines, pipe):
    source, sink = pipe
    batches = iter(EventReader(source))
    sink.write(lines)
    assert next(batches).values.tolist() == [[1.0]]
    sink.write(lines.splitlines()[-1].replace(b"1", b"2") + b"\n")
    assert next(batches).values.tolist() == [[2.0]]
    sink.close()
    assert [len(batch) for batch in batches if len(batch)] == []


def test_what_comes_within_the_delay_is_one_batch(pipe):
    source, sink = pipe
    sink.write(b"1\n2\n")
    batches = iter(EventReader(source, max_delay=30.0, max_batch=3))
    sink.write(b"3\n4")

    assert next(batches).values.tolist() == [[1], [2], [3]]
    sink.close()
    assert next(batches).values.tolist() == [[4]]


def test_an_event_waits_for_others_no_longer_than_the_delay(pipe):
    source, sink = pipe
    sink.write(b"1\n")
    began = time.monotonic()
    assert len(next(iter(EventReader(source, max_delay=0.2)))) == 1
    assert 0.2 <= time.monotonic() - began < 5


def test_a_pipe_that_is_still_gives_empty_batches_when_asked_for(pipe):
    source, sink = pipe
    sink.write(b"1\n")
    batches = iter(EventReader(source, idle=0.01))

    assert [len(next(batches)) for _ in range(3)] == [1, 0, 0]
    sink.write(b"2\n")
    assert next(batches).lines.tolist() == [2]


def test_a_pipe_is_left_when_woken(pipe):
    source, sink = pipe
    wake, waker = os.pipe()
    sink.write(b"1\n2")
    batches = iter(EventReader(source, wake=wake, max_delay=60))
    os.write(waker, b"!")

    assert [batch.values.tolist() for batch in batches if len(batch)] in ([], [[[1.0]]])
    os.close(wake)
    os.close(waker)


@pytest.mark.parametrize("woken", [False, True])
def test_an_arrow_stream_that_is_still_gives_empty_batches_until_it_goes_on_or_is_left(pipe, woken):
    source, sink = pipe
    wake, waker = os.pipe()
    with pa.ipc.new_stream(sink, pa.schema({"x": pa.float32()})) as writer:
        batches = iter(EventReader(source, idle=0.01, wake=wake))
        writer.write_batch(pa.record_batch([pa.array([1.0], pa.float32())], names=["x"]))
        assert [len(next(batches)) for _ in range(3)] == [1, 0, 0]
        if woken:
            os.write(waker, b"!")
        else:
            writer.write_batch(pa.record_batch([pa.array([2.0], pa.float32())], names=["x"]))
            assert next(batches).lines.tolist() == [2]
    if not woken:
        sink.close()
    assert sum(map(len, batches)) == 0
    os.close(wake)
    os.close(waker)
