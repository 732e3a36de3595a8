"""``recurra stream`` as a process among others: pipes, signals, readers that go away."""

import contextlib
import signal
import subprocess
import time

import pytest

from recurra.streaming import load, read_states


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


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["SIGTERM", "Ctrl-C", "SIGHUP"],
)
def test_a_signal_while_it_waits_saves_the_state_says_how_many_and_ends(
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
    assert err == f"recurra: {number.name} after 3 events.\n"
    model = load(numbers)
    stream = model.stream(read_states(state, model)[""])
    assert [str(stream.step(x)[0]) for x in walk[3:]] == expected(numbers, walk)[3:]


def test_a_signal_during_the_work_on_an_event_waits_for_its_answer(
    recurra, numbers, walk, events_of, tmp_path, monkeypatch
):
    from recurra.cli import states

    moved_on = states.States.after

    def interrupted(self, key, state):
        signal.raise_signal(signal.SIGTERM)
        moved_on(self, key, state)

    monkeypatch.setattr(states.States, "after", interrupted)
    done = recurra("stream", numbers, events_of(walk), "--state", tmp_path / "state")

    assert done.code == 143
    assert done.out.splitlines() == expected(numbers, walk[:1])
    assert done.err == "recurra: SIGTERM after 1 event.\n"
    assert "" in read_states(tmp_path / "state", load(numbers))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_killed_process_leaves_the_former_state_whole(start, numbers, walk, tmp_path, recurra):
    state = tmp_path / "state"
    recurra("stream", numbers, "--state", state, given="1,2\n")
    former = state.read_bytes()

    with start("stream", numbers, "--state", state) as process:
        process.stdin.write("3,4\n")
        process.stdout.readline()
        process.kill()
        process.communicate()

    assert state.read_bytes() == former
    assert list(tmp_path.iterdir()) == [state]


def test_it_ends_quietly_and_saves_when_the_reader_goes_away(start, numbers, walk, tmp_path):
    state = tmp_path / "state"
    with start("stream", numbers, "--state", state, stdin=subprocess.PIPE) as process:
        process.stdin.write("1,2\n")
        process.stdout.readline()
        process.stdout.close()
        give_until_it_ends(process)
        err = process.stderr.read()

    assert (process.returncode, err) == (0, "")
    model = load(numbers)
    saved = model.stream(read_states(state, model)[""])
    wanted = model.stream()
    wanted.step([1, 2])  # the answer to the event after it reached nobody
    assert str(saved.step([5, 6])) == str(wanted.step([5, 6]))


def give_until_it_ends(process):
    try:
        while process.poll() is None:
            process.stdin.write("1,2\n")
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


def test_streaming_loads_no_more_than_it_needs(start, numbers):
    loaded = loaded_by(start, "stream", numbers, given="1,2\n")

    heavy = {"torch", "pyarrow", "sklearn", "matplotlib", "rich", "aeon", "river"}

    assert "numpy" in loaded
    assert not heavy & loaded
