"""Files as an attacker would make them: any contents, with a right checksum and fingerprint."""

import pytest
from hypothesis import strategies as st

from fuzz.sealing import forged, parts_of, recomputed
from recurra.errors import ModelFileError
from recurra.streaming import load

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def refusal(data: bytes, path, **options) -> str:
    """What is said of a file with these bytes."""
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 800 + len(str(path))
    return message


def at(ours, *path):
    for step in path:
        ours = ours[step]
    return ours


def with_lie(data, path, name, value, *, honest=False):
    header, ours, rest = parts_of(data)
    at(ours, *path)[name] = value
    if honest:
        ours["fingerprint"] = recomputed(header, ours, rest)
    return forged(header, ours, rest)


def places(value, path=()):
    """The path of every value inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in items:
        yield (*path, step)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, step))
