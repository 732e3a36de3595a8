"""``recurra stream --resume``: killed or stopped anywhere, no event twice, none left out."""

import json
import random
import signal
import time

import numpy as np
import pytest

from tests.cli.conftest import states_in

KEYS = 40


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """60,000 events of 40 keys, a few of no use."""
    rng = random.Random(5)
    path = tmp_path_factory.mktemp("many") / "events.jsonl"
    with path.open("w") as file:
        for _ in range(60_000):
            event = {"user": f"u{rng.randrange(KEYS)}", "x": rng.gauss(0, 1), "y": rng.gauss(0, 1)}
            file.write("oh\n" if rng.random() < 0.001 else json.dumps(event) + "\n")
    return path


@pytest.fixture(scope="module")
def whole(recurra, numbers, many, tmp_path_factory):
    """A folder with what an uninterrupted run leaves."""
    folder = tmp_path_factory.mktemp("whole")
    done = recurra(*command(numbers, many, folder))
    assert done.code == 0
    return folder


def command(model, events, folder, *more):
    return [
        "stream", model, events, "--key", "user", "--state", folder / "states",
        "--out", folder / "out", "--rejects", folder / "rejects", "--json", *more,
    ]  # fmt: skip


def assert_same(folder, whole):
    for name in ("out", "rejects"):
        same = (folder / name).read_bytes() == (whole / name).read_bytes()
        assert same, f"{name} differs"  # without the difference, which takes minutes to find
    np.testing.assert_equal(states_in(folder / "states"), states_in(whole / "states"))


def killed_again_and_again(start, arguments, out, rng, *, kills, number=signal.SIGKILL):
    """Start, end it somewhere in the middle, go on; so many times. How many had more to do."""
    in_the_middle = 0
    for _ in range(kills):
        with start(*arguments, "--resume") as process:
            before = out.stat().st_size if out.exists() else 0
            while process.poll() is None and (out.stat().st_size if out.exists() else 0) <= before:
                time.sleep(0.005)
            time.sleep(rng.random() * 0.05)
            in_the_middle += process.poll() is None
            process.send_signal(number)
            process.communicate(timeout=60)
    return in_the_middle


@pytest.mark.parametrize("every", ["batch", "20"])
def test_a_run_that_is_killed_a_dozen_times_writes_the_same_bytes(
    start, recurra, numbers, many, whole, tmp_path, every
):
    arguments = command(numbers, many, tmp_path, "--commit-every", every, "--max-batch", 200)

    hits = killed_again_and_again(start, arguments, tmp_path / "out", random.Random(1), kills=12)
    done = recurra(*arguments, "--resume")

    assert hits >= 3
    assert done.code == 0
    assert_same(tmp_path, whole)


def test_a_run_that_is_stopped_by_signals_writes_the_same_bytes(
    start, recurra, numbers, many, whole, tmp_path
):
    arguments = command(numbers, many, tmp_path, "--max-batch", 200)

    hits = killed_again_and_again(
        start, arguments, tmp_path / "out", random.Random(2), kills=4, number=signal.SIGTERM
    )
    done = recurra(*arguments, "--resume")

    assert hits >= 1
    assert done.code == 0
    assert_same(tmp_path, whole)


def test_that_check_notices_an_event_that_comes_twice(
    start, recurra, numbers, many, whole, tmp_path, monkeypatch
):
    from recurra.data.events import reader

    position_in = reader.position_in

    def one_line_back(feed, kept):
        position = position_in(feed, kept)
        start = feed.read_at(0, position.at - 1).rfind(b"\n") + 1
        return position._replace(at=start, line=position.line - 1)

    arguments = command(numbers, many, tmp_path, "--max-batch", 200)
    killed_again_and_again(
        start, arguments, tmp_path / "out", random.Random(3), kills=1, number=signal.SIGTERM
    )
    monkeypatch.setattr(reader, "position_in", one_line_back)
    recurra(*arguments, "--resume")

    with pytest.raises(AssertionError):
        assert_same(tmp_path, whole)


def test_a_pipe_that_brings_the_same_again_is_gone_on_with(start, numbers, walk, tmp_path):
    lines = [f"{x},{y}\n" for x, y in walk]
    arguments = ["stream", numbers, "--state", tmp_path / "states"]
    with start(*arguments) as process:
        whole = process.communicate("".join(lines))[0].splitlines()

    arguments = ["stream", numbers, "--state", tmp_path / "others", "--resume"]
    with start(*arguments) as process:
        process.stdin.write("".join(lines[:4]))
        answers = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        process.communicate()
    with start(*arguments) as process:
        rest = process.communicate("".join(lines))[0]
    with start(*arguments) as process:
        other = process.communicate("".join(reversed(lines)))

    assert "".join(answers).splitlines() + rest.splitlines() == whole
    assert "its first 10 lines differ" in other[1]
    assert process.returncode == 2


@pytest.mark.parametrize("hold", [[], ["--hold"]])
def test_answers_that_are_held_come_when_their_states_are_durable(
    start, numbers, walk, tmp_path, hold
):
    folder = tmp_path / "states"
    arguments = ["stream", numbers, "--state", folder, "--commit-every", 200, *hold]
    with start(*arguments) as process:
        for x, y in walk[:3]:
            process.stdin.write(f"{x},{y}\n")
            process.stdout.readline()
            if hold:
                assert list(states_in(folder)) == [""]
        process.kill()
        process.communicate()

    if hold:
        with start(*arguments, "--resume") as process:
            out, _ = process.communicate("".join(f"{x},{y}\n" for x, y in walk))
        assert len(out.splitlines()) == len(walk) - 3


def test_a_pipe_that_is_still_is_committed_all_the_same(start, numbers, tmp_path):
    folder = tmp_path / "states"
    with start("stream", numbers, "--state", folder, "--commit-every", 100) as process:
        process.stdin.write("1,2\n")
        process.stdout.readline()
        deadline = time.monotonic() + 30
        while not states_in(folder) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.communicate()

    assert list(states_in(folder)) == [""]


# --- what is refused ------------------------------------------------------------------------------


@pytest.fixture
def left(recurra, numbers, events_of, walk, tmp_path):
    """A run that ended, and its arguments to go on."""
    arguments = ["stream", numbers, events_of(walk), "--state", tmp_path / "states",
                 "--out", tmp_path / "out", "--resume"]  # fmt: skip
    assert recurra(*arguments).code == 0
    return arguments


def test_going_on_at_the_end_does_nothing(recurra, left, tmp_path):
    out = (tmp_path / "out").read_bytes()

    done = recurra(*left)

    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "out").read_bytes() == out


def test_events_that_were_added_to_the_file_are_answered(recurra, left, numbers, walk, tmp_path):
    with (tmp_path / "events.csv").open("a") as file:
        file.write("1,2\n")

    assert recurra(*left).code == 0

    whole = recurra("stream", numbers, tmp_path / "events.csv").out
    assert (tmp_path / "out").read_text() == whole


def test_another_input_is_refused(recurra, left, events_of, walk, tmp_path):
    events_of([[0, 0], *walk])
    out = (tmp_path / "out").read_bytes()

    done = recurra(*left)

    assert (done.code, done.out) == (2, "")
    assert "is not the input that was left in the middle: its contents differ." in done.err
    assert (tmp_path / "out").read_bytes() == out


def test_a_file_of_answers_that_lost_some_is_refused(recurra, left, tmp_path):
    (tmp_path / "out").write_text("0.5\n")

    done = recurra(*left)

    assert (done.code, done.out) == (2, "")
    assert "out: has 4 bytes, but " in done.err


def test_another_key_and_answers_of_another_run_are_refused(recurra, numbers, many, tmp_path):
    arguments = command(numbers, many, tmp_path)
    assert recurra(*arguments[:7], "--out", tmp_path / "out").code == 0
    (tmp_path / "mine").write_text("mine\n")

    unkeyed = recurra("stream", numbers, many, "--state", tmp_path / "states", "--resume")
    other = recurra(*arguments[:7], "--resume", "--rejects", tmp_path / "mine")

    assert (unkeyed.code, other.code) == (2, 2)
    assert "holds states by key" in unkeyed.err
    assert "mine: was not written by the run that was left" in other.err
    assert (tmp_path / "mine").read_text() == "mine\n"

    wrong = recurra("stream", numbers, many, "--key", "who", *arguments[5:7], "--resume")
    assert (
        wrong.code,
        wrong.err.endswith("was left with --key user. Go on in the same way.\n"),
    ) == (2, True)


def test_a_position_of_another_program_is_refused(recurra, left, numbers, tmp_path):
    from recurra.streaming.store import Changes, LmdbStore

    for cursor, message in (
        (b"offset 7", "keeps a position of another program"),
        (b'{"version": 2}', "was left by a newer recurra"),
    ):
        with LmdbStore(tmp_path / "states") as store:
            store.commit(Changes([], [], []), cursor)
        done = recurra(*left)
        assert (done.code, message in done.err) == (2, True)


def test_without_resume_the_input_is_read_from_its_beginning(recurra, left, walk, tmp_path):
    done = recurra(*left[:-3])

    assert len(done.out.splitlines()) == len(walk)
    assert done.out != (tmp_path / "out").read_text()  # the state went on
