"""``recurra states``: what a folder holds, and what is taken out of it or put back."""

import json
import signal

import numpy as np
import pyarrow.parquet as pq
import pytest

from recurra.streaming import load
from recurra.streaming.store import LmdbStore
from recurra.streaming.streams import Streams
from tests.cli.conftest import states_in


@pytest.fixture
def kept(recurra, numbers, walk, events_of, tmp_path):
    """A folder with the states of three keys."""
    keys = ["a", "b", "a\tb", *"abababa"]
    folder = tmp_path / "states"
    arguments = ["stream", numbers, events_of(walk, keys=keys), "--key", "user", "--state", folder]
    assert recurra(*arguments).code == 0
    return folder


def test_ls_tells_every_key_and_when_it_was_seen(recurra, kept):
    plain = recurra("states", "ls", kept)
    as_json = recurra("states", "ls", kept, "--json")

    rows = [line.split("\t") for line in plain.out.splitlines()]
    assert [row[:2] for row in rows] == [["a", "text"], ["a\\tb", "text"], ["b", "text"]]
    assert all(row[2].startswith("20") for row in rows)
    assert [json.loads(line)["key"] for line in as_json.out.splitlines()] == ["a", "a\tb", "b"]


def test_show_tells_what_a_folder_holds_and_how_far_it_has_come(recurra, kept, numbers):
    plain = recurra("states", "show", kept).out
    said = json.loads(recurra("states", "show", kept, "--json").out)

    assert plain.startswith("keys ")
    assert "after line 11" in plain
    assert (said["keys"], said["fingerprint"]) == (3, load(numbers).fingerprint)
    assert said["position"] == "after line 11"


def test_show_tells_the_state_of_a_key(recurra, kept):
    (state,) = [json.loads(recurra("states", "show", kept, "b", "--json").out)]
    plain = recurra("states", "show", kept, "b").out

    for name, slot in states_in(kept)["b"].items():
        np.testing.assert_array_equal(np.float32(state[name]), slot)
        assert f"{name}        {slot[0]!s} " in plain


def test_keys_of_every_kind_are_found(recurra, numbers, tmp_path):
    with LmdbStore(tmp_path / "states", load(numbers)) as store:
        streams = Streams(load(numbers), store)
        streams.step(["7", b"\x00\xff", 7], np.eye(3, 2))
        streams.close()

    rows = [
        line.split("\t")[:2]
        for line in recurra("states", "ls", tmp_path / "states").out.splitlines()
    ]
    assert sorted(rows) == [["00ff", "bytes"], ["7", "int"], ["7", "text"]]
    for key, kind in rows:
        assert recurra("states", "show", tmp_path / "states", key, "--kind", kind).code == 0
    wrong = recurra("states", "show", tmp_path / "states", "x", "--kind", "int")
    assert (wrong.code, wrong.err) == (2, "recurra: 'x': is no key of kind int.\n")


def test_a_folder_in_use_can_be_looked_at_but_not_changed(recurra, start, numbers, tmp_path):
    folder = tmp_path / "states"
    with start("stream", numbers, "--state", folder, "--commit-every", "batch") as process:
        process.stdin.write("1,2\n3,4\n")
        process.stdout.readline()
        process.stdout.readline()

        assert "keys " in recurra("states", "show", folder).out
        assert recurra("states", "ls", folder).out.startswith("\ttext\t")
        assert recurra("states", "check", folder).code == 0
        for command in (["compact", folder], ["reset", folder, "--all"]):
            refused = recurra("states", *command)
            assert refused.code == 2
            assert f"is in use by process {process.pid}" in refused.err
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_reset_takes_states_away(recurra, kept):
    before = states_in(kept)

    missing = recurra("states", "reset", kept, "a", "z")
    assert (missing.code, missing.err) == (2, f"recurra: {kept}: has no state of text key 'z'.\n")
    np.testing.assert_equal(states_in(kept), before)

    assert recurra("states", "reset", kept, "a").out == "Reset: 1 key.\n"
    del before["a"]
    np.testing.assert_equal(states_in(kept), before)

    assert recurra("states", "reset", kept, "--all").out == "Reset: 2 keys.\n"
    assert states_in(kept) == {}
    assert recurra("states", "reset", kept).code == 2


def test_a_position_that_is_forgotten_starts_the_input_again(
    recurra, kept, numbers, walk, events_of, tmp_path
):
    arguments = ["stream", numbers, tmp_path / "events.csv", "--key", "user", "--state", kept,
                 "--resume"]  # fmt: skip
    first = recurra("stream", numbers, tmp_path / "events.csv", "--key", "user").out
    assert recurra(*arguments).out == ""

    recurra("states", "reset", kept, "--all", "--position")

    assert recurra(*arguments).out == first


def test_states_move_to_another_folder_through_a_file(recurra, kept, numbers, walk, tmp_path):
    file, other = tmp_path / "states.parquet", tmp_path / "other"

    assert recurra("states", "export", kept, file).out == f"{file}: 3 keys.\n"
    refused = recurra("states", "import", other, file)
    taken = recurra("states", "import", other, file, "--model", numbers)

    assert (refused.code, "name the --model" in refused.err) == (2, True)
    assert taken.out == f"{other}: 3 keys taken in.\n"
    np.testing.assert_equal(states_in(other), states_in(kept))
    given = "user,x,y\n" + "".join(f"a,{x},{y}\n" for x, y in walk)
    answers = [
        recurra("stream", numbers, "--key", "user", "--state", folder, given=given).out
        for folder in (kept, other)
    ]
    assert answers[0] == answers[1]

    recurra("states", "import", kept, file)  # back to where they were
    assert recurra("states", "import", kept, file).code == 0
    recurra("states", "export", kept, tmp_path / "again.parquet")
    table, again = (pq.read_table(tmp_path / name) for name in ("states.parquet", "again.parquet"))
    assert again.sort_by("key").equals(table.sort_by("key"))


def test_states_of_another_model_and_damaged_files_are_not_taken_in(
    recurra, kept, models, tmp_path
):
    file = tmp_path / "states.parquet"
    recurra("states", "export", kept, file)
    other = models["tag_steps"].path
    file_of_none = tmp_path / "none.parquet"
    file_of_none.write_bytes(file.read_bytes()[:-9])
    before = states_in(kept)

    foreign = recurra("states", "import", tmp_path / "other", file, "--model", other)
    damaged = recurra("states", "import", kept, file_of_none)

    assert (foreign.code, "under another model" in foreign.err) == (2, True)
    assert (damaged.code, len(damaged.err.splitlines())) == (2, 1)
    np.testing.assert_equal(states_in(kept), before)


def test_compact_gives_room_back_and_keeps_every_state(recurra, numbers, tmp_path):
    folder = tmp_path / "states"
    events = tmp_path / "e.csv"
    events.write_text("user,x,y\n" + "".join(f"u{n},1,2\n" for n in range(5000)))
    recurra("stream", numbers, events, "--key", "user", "--state", folder)
    recurra("states", "reset", folder, *(f"u{n}" for n in range(4900)))
    before, size = states_in(folder), (folder / "data.mdb").stat().st_size

    done = recurra("states", "compact", folder)

    assert done.code == 0
    assert (folder / "data.mdb").stat().st_size < size / 4
    np.testing.assert_equal(states_in(folder), before)


def test_check_notices_a_flipped_bit(recurra, kept):
    assert recurra("states", "check", kept).out == f"{kept}: whole, 3 keys.\n"
    file = kept / "data.mdb"
    data = bytearray(file.read_bytes())
    place = bytes(data).rindex(states_in(kept)["b"].popitem()[1].tobytes())
    data[place] ^= 1
    file.write_bytes(data)

    done = recurra("states", "check", kept)

    assert (done.code, done.out) == (2, "")
    assert "damaged" in done.err


def test_a_folder_that_is_none_of_ours_is_refused(recurra, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for command in ("ls", "show", "check", "compact"):
        done = recurra("states", command, tmp_path)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
