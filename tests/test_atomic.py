"""What every file that recurra replaces keeps."""

import errno
import os
import stat

import pytest

from recurra import atomic
from recurra.atomic import write_atomically
from recurra.drawing import save_figure
from recurra.drawing.save import new_figure

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_a_replaced_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "states"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@POSIX
def test_a_private_file_is_private_from_its_first_byte_on(tmp_path, monkeypatch):
    path, seen, fdopen = tmp_path / "states", [], os.fdopen
    path.write_bytes(b"old")
    path.chmod(0o600)

    def look(descriptor, how):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return fdopen(descriptor, how)

    monkeypatch.setattr(atomic.os, "fdopen", look)
    write_atomically(path, b"new")
    assert seen == [0o600]


@POSIX
def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    write_atomically(tmp_path / "ours", b"")
    (tmp_path / "theirs").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_a_picture_that_cannot_be_written_leaves_the_former_one_and_names_it(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "no space")

    path = tmp_path / "states.png"
    path.write_bytes(b"the former one")
    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space.*states\.png"):
        save_figure(new_figure(1, 1), path)
    assert path.read_bytes() == b"the former one"
    assert list(tmp_path.iterdir()) == [path]
