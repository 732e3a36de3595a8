"""A run of `recurra stream`: its parts put together, and its end."""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path

import typer

from recurra.cli.answering import Answering
from recurra.cli.answers import writer
from recurra.cli.errors import complain
from recurra.cli.keeping import Keeper, Place, open_store
from recurra.cli.notes import Notes, read_notes
from recurra.cli.output import OutputFile, StandardOutput, create, go_on
from recurra.cli.rejects import Rejects
from recurra.cli.settings import Settings
from recurra.cli.signals import Stopping
from recurra.data import EventReader
from recurra.data.words import counted, listed
from recurra.errors import DataError, StateError
from recurra.streaming import Model, load
from recurra.streaming.store import LmdbStore
from recurra.streaming.streams import Streams

__all__ = ["run"]


def run(settings: Settings) -> int:
    """Answer all events; the exit code.

    Raises:
        RecurraError: the model, the states or the input cannot be used.
        OSError: a file cannot be read or written.
    """
    model = load(settings.model)
    model.stream()  # refuses a model that cannot be streamed
    notes = read_notes(model.notes, model.input_size, model.output_size)
    if settings.key is not None and settings.key in (notes.features or ()):
        raise DataError(
            f"--key {settings.key}: is a feature of the model. Name the column that tells whose."
        )
    _refuse_one_file_twice(settings)
    with Stopping() as stopping, contextlib.ExitStack() as stack:
        store, place = _kept(settings, model, stack)
        reader = stack.enter_context(_reader(settings, model, notes, place, stopping))
        output = _file(settings.out, place, place and place.output, stack)
        rejects = Rejects(reader, _file(settings.rejects, place, place and place.rejects, stack))
        streams = Streams(model, store, commit_every=None)
        keeper = Keeper(
            streams,
            reader,
            output or StandardOutput(),
            rejects.file,
            keeps=store is not None,
            every=settings.commit_every,
            hold=settings.hold,
            key=settings.key,
        )
        write = writer(notes, as_json=settings.as_json)
        if settings.file == "-" and sys.stdin.isatty():
            _invite(notes, model)
        answering = Answering(model, streams, write, rejects)
        try:
            _answer_all(reader, answering, keeper, stopping)
        finally:
            rejects.tell()
        if stopping.asked is not None:
            _tell_end(settings, stopping.asked.name, answering.answered)
        return stopping.exit_code


def _refuse_one_file_twice(settings: Settings) -> None:
    """What is read must not be written over."""
    read = [settings.model, *([] if settings.file == "-" else [Path(settings.file)])]
    seen = {path.resolve() for path in read}
    for option, path in (("--out", settings.out), ("--rejects", settings.rejects)):
        if path is None:
            continue
        if path.is_file() and path.resolve() in seen:
            raise DataError(f"{option} {path}: is used for something else here. Name another file.")
        seen.add(path.resolve())


def _answer_all(
    reader: EventReader, answering: Answering, keeper: Keeper, stopping: Stopping
) -> None:
    """Every batch until the end; whatever ends it, whole batches are committed and no others."""
    whole = True
    batches = iter(reader)
    try:
        for batch in batches:
            whole = False
            if len(batch) or batch.rejects:
                keeper.after(batch.position, answering.answer(batch))
            else:
                keeper.perhaps()
            whole = True
            if stopping.asked is not None:
                break
    finally:
        if whole:
            keeper.commit()
        else:
            keeper.abandon()


def _kept(
    settings: Settings, model: Model, stack: contextlib.ExitStack
) -> tuple[LmdbStore | None, Place | None]:
    """The store of the states, and where in the input it was left."""
    if settings.state is None:
        return None, None
    store = open_store(settings.state, model, keyed=settings.key is not None)
    stack.callback(store.close)
    place = Place.in_cursor(store.cursor, settings.state) if settings.resume else None
    if place is not None and place.key != settings.key:
        was = "without --key" if place.key is None else f"with --key {place.key}"
        raise StateError(f"{settings.state}: was left {was}. Go on in the same way.")
    return store, place


def _reader(
    settings: Settings, model: Model, notes: Notes, place: Place | None, stopping: Stopping
) -> EventReader:
    return EventReader(
        settings.file,
        columns=notes.features,
        key=settings.key,
        width=1 if model.takes_indices else model.input_size,
        format=settings.format,
        max_batch=settings.max_batch,
        max_delay=settings.max_delay,
        start=None if place is None else place.input,
        idle=None if settings.state is None else max(settings.commit_every, 0.01),
        wake=stopping.wake,
    )


def _file(
    path: Path | None, place: Place | None, length: int | None, stack: contextlib.ExitStack
) -> OutputFile | None:
    """A file to write to, from where the run before was left."""
    if path is None:
        return None
    if place is not None and length is None and path.exists() and path.stat().st_size:
        raise DataError(f"{path}: was not written by the run that was left. Name another file.")
    file = create(path) if length is None else go_on(path, length)
    stack.callback(file.close)
    return file


def _invite(notes: Notes, model: Model) -> None:
    what = f"{model.input_size} numbers" if model.input_size else "numbers"
    if notes.features is not None:
        what = listed(notes.features)
    typer.echo(f"Events, one a line ({what}); Ctrl-D ends.", err=True)


def _tell_end(settings: Settings, signal: str, answered: int) -> None:
    said = f"{signal} after {counted(answered, 'event')}."
    if settings.state is not None:
        again = shlex.join(settings.command())
        same = ", given the same input from its beginning" if settings.file == "-" else ""
        said += f" Go on with: {again}{same}"
    complain(said)
