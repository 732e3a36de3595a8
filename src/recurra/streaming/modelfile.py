"""The model file: written once it is known to read back, checked whole when read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from recurra.atomic import write_atomically
from recurra.errors import MissingExtraError, ModelFileError, PlanError
from recurra.streaming.container import Layout, one_line, pack, unpack
from recurra.streaming.description import check_tree, fingerprint
from recurra.streaming.mapping import bytes_of
from recurra.streaming.model import Model
from recurra.streaming.tensors import RawTensor

if TYPE_CHECKING:
    from mmap import mmap

    from recurra.engine import Engine
    from recurra.engine.building import Described, Layer
    from recurra.engine.eager import EagerEngine
    from recurra.engine.ready import Ready

__all__ = ["Contents", "load", "read_model", "save"]

LAYOUT = Layout("recurra.model", 2, "a model file of recurra")
_UNTRACED = "the file is of version 1; load it with torch=True and save it again"


class Contents(NamedTuple):
    """What a model file holds, before anything is built from it."""

    source: str
    tree: dict[str, Any]
    dtype: str
    tensors: dict[str, RawTensor]
    notes: dict[str, Any]
    fingerprint: str
    ready: Ready | None = None  # the model as it runs without torch
    untraced: str = ""  # why there is none

    @property
    def state_dict(self) -> dict[str, RawTensor]:
        """The tensors that are weights of the layers."""
        added = {} if self.ready is None else self.ready.added
        return {name: raw for name, raw in self.tensors.items() if name not in added}


def save(
    model: Layer, path: str | os.PathLike[str], *, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a trained model to one file: what it is, its weights, and your notes.

    The file is safetensors, with the description as JSON in its header. It holds no code. It is
    first written beside `path` and read back, so that `path` is the former file or a good one.

    Args:
        model: a `Recurrent`, `Stack`, `Residual` or `Bidirectional`. Modules in it are recurra's,
            common stateless ones of torch, or of your own with a `config` that gives their
            constructor's arguments.
        path: where.
        notes: JSON kept with the model, such as the names of its features and classes.

    Raises:
        TypeError: the model is not a layer, or holds a module that no file can; or the notes are
            not JSON.
        ValueError: parts share weights, or a part's `config` does not make it again.
        OSError: the file cannot be written.

    >>> import recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.GRU(3, 8)), "model.recurra", notes={"classes": ["a", "b"]})
    >>> rc.load("model.recurra").notes
    {'classes': ['a', 'b']}
    """
    from recurra.engine import describing
    from recurra.engine.plain import plain_json

    tree = describing.describe_layers(model)
    dtype = describing.type_of(model)
    tensors = {name: RawTensor(*raw) for name, raw in describing.raw_tensors(model).items()}
    said = plain_json({} if notes is None else _object(notes), "notes")
    plain = Contents("the file", tree, dtype, tensors, said, fingerprint(tree, dtype, tensors))
    try:
        data = _with_step(plain, _eager(plain, describing.own_classes(model)))
        _engine(_contents(data, "the file"), describing.own_classes(model))
    except ModelFileError as error:
        raise ValueError(
            f"save: {model.signature()} would not come back: {error} A config() has to give the "
            f"arguments of its class."
        ) from error
    write_atomically(path, data)


def _with_step(plain: Contents, engine: EagerEngine) -> bytes:
    """The bytes of a file, with what its layers do in one step where that can be traced."""
    from recurra.engine.freezing import freeze
    from recurra.engine.ready import write_ready

    tensors, step = dict(plain.tensors), None
    ready, untraced = freeze(engine, plain.dtype)
    if ready is not None:
        step, added = write_ready(ready)
        tensors |= {name: RawTensor(*raw) for name, raw in added.items()}
    header = {
        "model": plain.tree,
        "dtype": plain.dtype,
        "fingerprint": fingerprint(plain.tree, plain.dtype, tensors, step),
        "notes": plain.notes,
        "step": step,
        "untraced": one_line(untraced),
    }
    return pack(LAYOUT, header, tensors)


def _object(notes: Any) -> Mapping[str, Any]:
    if not isinstance(notes, Mapping):
        raise TypeError(f"save: notes is a {type(notes).__name__}, expected a dict of JSON values.")
    return notes


@overload
def load(
    path: str | os.PathLike[str],
    *,
    torch: Literal[False] = False,
    cells: Iterable[type[Described]] = (),
) -> Model: ...


@overload
def load(
    path: str | os.PathLike[str], *, torch: Literal[True], cells: Iterable[type[Described]] = ()
) -> Layer: ...


def load(
    path: str | os.PathLike[str], *, torch: bool = False, cells: Iterable[type[Described]] = ()
) -> Model | Layer:
    """Read a model from a file.

    The whole file is checked before anything is made from it. Nothing it names is imported or run.
    A large file is mapped into memory while its weights are taken from it. A model keeps nothing of
    its file, which may be replaced or deleted while the model runs.

    A model runs natively, without torch and without the code of its cells, unless it could not be
    traced when it was saved: `Model.engine` says so. Then, and with ``torch=True``, cells of your
    own have to be handed in.

    Args:
        path: what `recurra.save` wrote.
        torch: give the torch layers, for more training; they come in training mode.
        cells: the classes of your own that the torch layers are made of.

    Returns:
        A `Model`, numpy in and numpy out; with ``torch=True`` the layers.

    Raises:
        ModelFileError: the file is truncated, altered, of a newer version or not ours, what it
            says is not what it holds, or its layers use cells that were not handed in.
        MissingExtraError: it needs torch, which is not installed.
        OSError: there is no such file, or it cannot be read.

    >>> import numpy as np, recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
    >>> model = rc.load("repeats.recurra")
    >>> y, state = model.run(np.array([[0, 1], [0, 1], [1, 0]]))
    >>> y.ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    try:
        with bytes_of(path) as data:
            contents = _contents(data, str(path))
            if torch:
                return _layers(contents, cells)[0]
            engine = _engine(contents, cells)
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise MissingExtraError.named("torch", "train") from error
        raise
    return Model(engine, contents.tree, contents.notes, contents.fingerprint, contents.untraced)


def read_model(path: str | os.PathLike[str]) -> Contents:
    """What a model file holds, checked as far as that goes without its classes.

    Raises:
        ModelFileError: it is truncated, altered, of a newer version or not ours.
        OSError: there is no such file, or it cannot be read.
    """
    with bytes_of(path) as data:
        return _contents(data, str(path))


def _contents(data: bytes | mmap, source: str) -> Contents:
    header, tensors = unpack(LAYOUT, data, source)
    tree = check_tree(header.get("model"), source)
    dtype, notes = header.get("dtype"), header.get("notes")
    if not isinstance(dtype, str) or not isinstance(notes, dict):
        raise ModelFileError(f"{source}: its header lacks the element type or the notes.")
    step, untraced = header.get("step"), header.get("untraced", _UNTRACED)
    if not isinstance(step, (dict, type(None))):
        raise ModelFileError(f"{source}: its header has a step that is no JSON object.")
    if not isinstance(untraced, str) or not untraced.isprintable():
        raise ModelFileError(f"{source}: its header does not say why it was not traced.")
    own = fingerprint(tree, dtype, tensors, step)
    if header.get("fingerprint") != own:
        raise ModelFileError(
            f"{source}: its description or weights are not those it was saved with: the "
            f"fingerprints differ."
        )
    ready = None if step is None else _ready(step, dtype, tensors, source)
    return Contents(source, tree, dtype, tensors, notes, own, ready, untraced)


def _ready(step: Any, dtype: str, tensors: Mapping[str, RawTensor], source: str) -> Ready:
    from recurra.engine.ready import read_ready

    try:
        return read_ready(step, dtype, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"{source}: {one_line(error)}") from error


def _engine(contents: Contents, cells: Iterable[type[Described]]) -> Engine:
    """What runs the model: natively where the file says how."""
    if contents.ready is None:
        return _eager(contents, cells)
    from recurra.engine.runtime import NativeEngine

    try:
        return NativeEngine(contents.ready)
    except PlanError as error:
        raise ModelFileError(f"{contents.source}: {one_line(error)}") from error


def _eager(contents: Contents, cells: Iterable[type[Described]]) -> EagerEngine:
    layers, output_size = _layers(contents, cells)
    from recurra.engine.eager import EagerEngine

    return EagerEngine(layers, contents.dtype, output_size)


def _layers(contents: Contents, cells: Iterable[type[Described]]) -> tuple[Layer, int | None]:
    """The layers, and how many features they answer with."""
    from recurra.engine.building import build_layers, try_once

    try:
        layers = build_layers(contents.tree, contents.dtype, contents.state_dict, cells)
        return layers, try_once(layers, contents.dtype)
    except ModelFileError as error:
        raise ModelFileError(f"{contents.source}: {one_line(error)}") from error
