"""The checkpoint as a file: whole or not there, and nothing in it is executed."""

import os
import pickle

import pytest
import torch
from torch.optim import lr_scheduler

from recurra.errors import ModelFileError, TrainingError
from recurra.training import fit
from recurra.training.checkpoint import PARTS, read_checkpoint, write_checkpoint
from tests.training.small import a_model, ragged


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "training.ckpt"
    fit(a_model(), ragged(), "mse", epochs=1, checkpoint=path)
    return path.read_bytes()


def go_on(path):
    return fit(a_model(), ragged(), "mse", epochs=2, checkpoint=path)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path, whole, part):
    path = tmp_path / "c"
    path.write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(ModelFileError, match=r"truncated, altered or not a checkpoint.*Delete it"):
        go_on(path)

    assert path.read_bytes() == whole[: int(len(whole) * part)]


def test_a_whole_checkpoint_is_not(tmp_path, whole):
    (tmp_path / "c").write_bytes(whole)

    assert go_on(tmp_path / "c").epochs == 2


def test_a_changed_weight_is_refused(tmp_path, whole):
    weight = read_back(tmp_path, whole)["model"]["parts.2.weight"]
    place = whole.index(weight.numpy().tobytes())
    spoiled = bytearray(whole)
    spoiled[place] ^= 1
    (tmp_path / "c").write_bytes(spoiled)

    with pytest.raises(ModelFileError, match="checksum"):
        go_on(tmp_path / "c")


@pytest.mark.parametrize("part", ["history", "random", "shuffler", "optimizer", "model"])
def test_a_part_of_another_kind_is_refused(tmp_path, whole, part):
    torch.save({**read_back(tmp_path, whole), part: {"a": [1.5]}}, tmp_path / "c")

    with pytest.raises(ModelFileError, match="does not hold what its settings say"):
        go_on(tmp_path / "c")


def read_back(folder, content):
    (folder / "whole").write_bytes(content)
    return read_checkpoint(folder / "whole")


@pytest.mark.parametrize("content", [b"", b"hello\n" * 99, b"PK\x03\x04" + b"\0" * 500])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "c").write_bytes(content)

    with pytest.raises(ModelFileError):
        go_on(tmp_path / "c")


@pytest.mark.parametrize("content", [{"weights": torch.zeros(2)}, [1, 2], torch.zeros(3)])
def test_another_torch_file_is_refused_and_kept(tmp_path, content):
    torch.save(content, tmp_path / "c")

    with pytest.raises(ModelFileError, match=r"not a checkpoint of recurra\. Name another file"):
        go_on(tmp_path / "c")


def test_another_version_is_refused(tmp_path, whole):
    torch.save({**read_back(tmp_path, whole), "version": 2}, tmp_path / "c")

    with pytest.raises(ModelFileError, match="version 2, expected 1"):
        go_on(tmp_path / "c")


@pytest.mark.parametrize("missing", ["config", "history", "random", "shuffler", "model"])
def test_a_checkpoint_with_a_part_missing_is_refused(tmp_path, whole, missing):
    content = read_back(tmp_path, whole)
    del content[missing]
    torch.save(content, tmp_path / "c")

    with pytest.raises(ModelFileError, match=f"has no {missing}"):
        go_on(tmp_path / "c")


class Attack:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("write", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))])
def test_nothing_in_a_file_is_executed(tmp_path, write):
    write(
        {"format": "recurra training checkpoint", "version": 1, "model": Attack()}, tmp_path / "c"
    )

    with pytest.raises(ModelFileError):
        go_on(tmp_path / "c")


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_crash_while_writing_leaves_the_former_file(tmp_path, monkeypatch, call):
    path = tmp_path / "c"
    write_checkpoint(path, {**dict.fromkeys(PARTS), "config": 1})

    def crash(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, crash)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(path, {**dict.fromkeys(PARTS), "config": 2})
    monkeypatch.undo()

    assert read_checkpoint(path)["config"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_while_writing_leaves_the_former_file(tmp_path, monkeypatch):
    def press(*_):
        if presses.append(1) or len(presses) == 3:
            raise KeyboardInterrupt
        return real(*_)

    presses, real, path = [], os.replace, tmp_path / "c"
    monkeypatch.setattr(os, "replace", press)

    history = fit(a_model(), ragged(), "mse", epochs=5, checkpoint=path)

    assert history.stopped == "interrupt"
    assert len(read_checkpoint(path)["history"]["train_loss"]) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told_before_training(tmp_path):
    trained = []

    with pytest.raises(OSError, match="No such file or directory"):
        fit(a_model(), ragged(), "mse", checkpoint=tmp_path / "no" / "c", progress=trained.append)

    assert trained == []


class Odd(lr_scheduler.StepLR):
    """A schedule whose state is more than plain values."""

    def __init__(self, optimizer):
        self.odd = Attack()
        super().__init__(optimizer, 1)


def test_a_state_that_could_not_be_read_back_is_told_before_training(tmp_path):
    with pytest.raises(TrainingError, match="not made of tensors and plain values"):
        fit(a_model(), ragged(), "mse", schedule=Odd, checkpoint=tmp_path / "c")

    assert not (tmp_path / "c").exists()
