"""Which column plays which part, given or by its usual name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recurra.data.separators import is_number, separator_hint
from recurra.data.source import Source
from recurra.data.words import missing_name, same_letters
from recurra.errors import DataError

SEQUENCE_NAMES = (
    "sequence",
    "sequence_id",
    "seq",
    "seq_id",
    "series",
    "series_id",
    "recording",
    "recording_id",
    "episode",
    "episode_id",
    "session",
    "session_id",
    "id",
)
TIME_NAMES = (
    "time",
    "timestamp",
    "datetime",
    "date",
    "time_step",
    "timestep",
    "time_index",
    "step",
    "t",
)


@dataclass(frozen=True)
class Roles:
    """The parts of the columns; ``None`` where no column plays the part."""

    target: str | None
    sequence: str | None
    time: str | None
    features: tuple[str, ...] | None  # None: every other column of numbers
    guessed: frozenset[str]  # the columns that were not given but recognised


def assign_roles(
    source: Source,
    *,
    target: str | None,
    sequence: str | None,
    time: str | None,
    features: Sequence[str] | None,
) -> Roles:
    """Give every named column its part and look for the usual names of the others."""
    _refuse_duplicates(source)
    features = (features,) if isinstance(features, str) else features
    features = None if features is None else [same_letters(name) for name in features]
    target, sequence, time = (name and same_letters(name) for name in (target, sequence, time))
    given = [("target", target), ("sequence", sequence), ("time", time)]
    given += [("features", name) for name in features or ()]
    taken: dict[str, str] = {}
    for part, name in given:
        if name is None:
            continue
        if name not in source.names:
            missing = missing_name("column", name, source.names)
            raise DataError(f"{source.path}{source.header}: {missing}{_hint(source, name)}")
        if name in taken:
            raise DataError(_twice(source, name, taken[name], part))
        taken[name] = part
    if features is not None and not features:
        raise DataError(f"{source.path}: features= is empty. Leave it out to use all numbers.")

    found_sequence = sequence or _usual(source.names, SEQUENCE_NAMES, taken)
    found_time = time or _usual(source.names, TIME_NAMES, taken)
    found = {found_sequence, found_time} - {None, sequence, time}
    return Roles(
        target=target,
        sequence=found_sequence,
        time=found_time,
        features=None if features is None else tuple(features),
        guessed=frozenset(name for name in found if name is not None),
    )


def _refuse_duplicates(source: Source) -> None:
    names = [name for name in source.names if name]  # columns without a name are left out anyway
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"{source.path}{source.header}, column {name!r}: two columns have this name. "
                "Rename one."
            )


def _twice(source: Source, name: str, first: str, second: str) -> str:
    if first == second:
        return f"{source.path}, column {name!r}: named twice in {first}=."
    why = " A target among the features would give the answer away." if first == "target" else ""
    return f"{source.path}, column {name!r}: given as {first}= and in {second}=.{why}"


def _usual(names: Sequence[str], usual: Sequence[str], taken: dict[str, str]) -> str | None:
    """The free column that has the earliest of the usual names."""
    plain = {name.casefold().replace("-", "_").replace(" ", "_"): name for name in reversed(names)}
    hits = (plain[name] for name in usual if name in plain)
    return next((name for name in hits if name not in taken), None)


def _hint(source: Source, wanted: str) -> str:
    """What else may be wrong with a header that lacks a wanted column."""
    other = separator_hint(source.names, [wanted])
    if not other and all(is_number(name) for name in source.names):
        return " The first line must name the columns."
    return other
