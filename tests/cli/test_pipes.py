"""``recurra stream`` as a process among others: pipes, signals, readers that go away."""

import contextlib
import fcntl
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from recurra.streaming import load
from tests.cli.conftest import states_in


def expected(model, events):
    stream = load(model).stream()
    return [str(stream.step(x)[0]) for x in events]


def test_each_answer_comes_before_the_next_event_is_given(start, numbers, walk):
    with start("stream", numbers) as process:
        for x, answer in zip(walk, expected(numbers, walk), strict=True):
            process.stdin.write(f"{x[0]},{x[1]}\n")
            assert process.stdout.readline() == f"{answer}\n"  # while standard input stays open
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait() == 0
        assert process.stderr.read() == ""


def test_a_slow_pipe_is_answered_within_the_delay(start, numbers, walk):
    with start("stream", numbers, "--max-delay", 300) as process:
        process.stdin.write("1,2\n")
        process.stdout.readline()  # it has started
        began = time.monotonic()
        process.stdin.write("3,4\n")
        process.stdin.write("5,6\n")
        process.stdout.readline()
        process.stdout.readline()
        taken = time.monotonic() - began
        process.stdin.close()
        assert process.wait() == 0

    assert 0.3 <= taken < 5


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["SIGTERM", "Ctrl-C", "SIGHUP"],
)
def test_a_signal_while_it_waits_saves_the_state_and_says_how_to_go_on(
    start, numbers, walk, tmp_path, number, code
):
    state = tmp_path / "state"
    with start("stream", numbers, "--state", state) as process:
        for x in walk[:3]:
            process.stdin.write(f"{x[0]},{x[1]}\n")
            process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (code, "")
    assert err == (
        f"recurra: {number.name} after 3 events. Go on with: recurra stream {numbers} - "
        f"--state {state} --resume, given the same input from its beginning\n"
    )
    stream = load(numbers).stream(states_in(state)[""])
    assert [str(stream.step(x)[0]) for x in walk[3:]] == expected(numbers, walk)[3:]


def test_without_a_folder_a_signal_only_ends_it(start, numbers):
    with start("stream", numbers) as process:
        process.stdin.write("1,2\n")
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30) == ("", "recurra: SIGTERM after 1 event.\n")


def test_a_signal_during_the_work_on_a_batch_waits_for_its_answers(
    recurra, numbers, walk, events_of, tmp_path, monkeypatch
):
    from recurra.cli import answering

    answer = answering.Answering.answer

    def interrupted(self, batch):
        if len(batch):
            signal.raise_signal(signal.SIGTERM)
        return answer(self, batch)

    monkeypatch.setattr(answering.Answering, "answer", interrupted)
    done = recurra(
        "stream", numbers, events_of(walk), "--state", tmp_path / "state", "--max-batch", 4
    )

    assert done.code == 143
    assert done.out.splitlines() == expected(numbers, walk[:3])  # the header is the first line
    assert done.err.startswith("recurra: SIGTERM after 3 events. Go on with: recurra stream ")
    assert done.err.endswith(f"--state {tmp_path / 'state'} --max-batch 4 --resume\n")
    assert list(states_in(tmp_path / "state")) == [""]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_second_ctrl_c_does_not_wait(start, numbers):
    with start("stream", numbers) as process:
        process.stdin.write("1,2\n")
        process.stdout.readline()
        many = threading.Thread(target=give_until_it_ends, args=[process, "1,2\n" * 10_000])
        many.start()  # and nobody reads the answers
        wait_until_full(process.stdout)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        many.join()


def test_it_ends_quietly_when_the_reader_goes_away_and_keeps_what_was_answered(
    start, numbers, walk, tmp_path
):
    state = tmp_path / "state"
    with start("stream", numbers, "--state", state, "--commit-every", "batch") as process:
        process.stdin.write("1,2\n")
        process.stdout.readline()
        process.stdout.close()
        give_until_it_ends(process)
        err = process.stderr.read()

    assert (process.returncode, err) == (0, "")
    saved = load(numbers).stream(states_in(state)[""])
    wanted = load(numbers).stream()
    wanted.step([1, 2])  # the answer to the event after it reached nobody
    assert str(saved.step([5, 6])) == str(wanted.step([5, 6]))


def wait_until_full(pipe, seconds=30):
    """Until nothing more is written to a pipe."""
    before, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.5)
        (now,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"1234"))
        if now == before > 1 << 15:
            return
        before = now
    pytest.fail("the pipe is not full")


def give_until_it_ends(process, text="1,2\n"):
    try:
        while process.poll() is None:
            process.stdin.write(text)
            time.sleep(0.01)
    except BrokenPipeError:
        process.wait()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def test_answers_are_utf_8_whatever_the_locale(start, classes):
    from tests.cli.conftest import ENVIRONMENT

    env = {**ENVIRONMENT, "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    with start("stream", classes, "--key", "user", env=env, text=False, bufsize=-1) as process:
        out, err = process.communicate('{"user": "Zoë 日", "x": 1, "y": 2}\n'.encode())

    assert (process.returncode, err) == (0, b"")
    assert out.decode("utf-8").startswith("Zoë 日\t")


# --- what is loaded -------------------------------------------------------------------------------


def loaded_by(start, *arguments, given=""):
    """The packages that a run of the command imports."""
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        "from recurra.cli import main; main()"
    )
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        input=given, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["stream", "--help"]])
def test_help_and_version_load_nothing_heavy(start, arguments):
    heavy = {"torch", "pyarrow", "numpy", "sklearn", "matplotlib"}

    assert not heavy & loaded_by(start, *arguments)


@pytest.mark.parametrize("given", ["1,2\n", '{"x": 1, "y": 2}\n'], ids=["CSV", "JSON Lines"])
def test_streaming_loads_no_more_than_it_needs(start, numbers, tmp_path, given):
    options = ["--state", tmp_path / "states", "--rejects", tmp_path / "rejects"]
    loaded = loaded_by(start, "stream", numbers, *options, given=given)

    heavy = {"torch", "pyarrow", "sklearn", "matplotlib", "rich", "aeon", "river"}

    assert "numpy" in loaded
    assert not heavy & loaded
