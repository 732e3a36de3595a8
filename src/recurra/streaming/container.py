"""The one layout of our files and snapshots: safetensors, our JSON in its header, a checksum.

Any safetensors reader opens them. The header begins, always at the same place, with the SHA-256 of
all bytes, taken with 64 zeros where it stands itself; so every altered byte is noticed.

::

    8 bytes   length of the header, little-endian
    header    {"__metadata__":{"sha256":"<64 hex digits>","recurra":"<our JSON>"}, <tensors> ...}
    data      the tensors one after the other, little-endian
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from recurra.errors import ModelFileError
from recurra.streaming.tensors import ITEM_SIZES, MAX_HEADER, RawTensor, read_layout

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["Layout", "one_line", "pack", "unpack"]

MAX_DEPTH = 128

_START = b'{"__metadata__":{"sha256":"'
_HASH = slice(8 + len(_START), 8 + len(_START) + 64)
_NO_HASH = b"0" * 64


class Layout(NamedTuple):
    """A kind of file: what its JSON says it is."""

    format: str
    version: int  # the newest that is read, and the one that is written
    what: str  # for messages


def pack(layout: Layout, header: Mapping[str, Any], tensors: Mapping[str, RawTensor]) -> bytes:
    """The bytes of a file; equal contents give equal bytes.

    Args:
        layout: the kind of file.
        header: JSON values.
        tensors: by name.

    >>> weight = RawTensor("U8", (2,), b"ab")
    >>> data = pack(Layout("example", 1, "an example"), {"a": 1}, {"weight": weight})
    >>> from safetensors.numpy import load
    >>> load(data)["weight"].tolist()
    [97, 98]
    """
    ours = {"format": layout.format, "version": layout.version, **header}
    ordered = sorted(tensors.items(), key=lambda item: (-ITEM_SIZES[item[1].dtype], item[0]))
    entries: dict[str, Any] = {
        "__metadata__": {"sha256": _NO_HASH.decode(), "recurra": _json(ours)}
    }
    end = 0
    for name, (dtype, shape, raw) in ordered:
        entries[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [end, end := end + len(raw)],
        }
    text = _json(entries).encode()
    text += b" " * (-len(text) % 8)  # what follows starts aligned
    if len(text) > MAX_HEADER:
        raise ValueError(f"the header takes {len(text)} bytes, expected at most {MAX_HEADER}.")
    data = b"".join([len(text).to_bytes(8, "little"), text, *(t.data for _, t in ordered)])
    return data[: _HASH.start] + _digest(data) + data[_HASH.stop :]


def unpack(
    layout: Layout, given: bytes | bytearray | memoryview | mmap, source: str
) -> tuple[dict[str, Any], dict[str, RawTensor]]:
    """Read what `pack` wrote, after checking all of it.

    Args:
        layout: the kind of file that is wanted.
        given: its bytes.
        source: what messages call it, such as its path.

    Returns:
        The header, and the tensors as views of what was given.

    Raises:
        ModelFileError: it is truncated, altered, of another kind, of a newer version or not ours.
    """
    data = memoryview(given).toreadonly()
    if bytes(data[:4]) == b"PK\x03\x04":
        raise ModelFileError(
            f"{source}: is a zip archive, as torch.save writes. Load it in torch and use "
            f"recurra.save."
        )
    if int.from_bytes(data[:8], "little") > MAX_HEADER:
        raise ModelFileError(f"{source}: is not {layout.what}, or its first bytes are damaged.")
    try:
        metadata, tensors = read_layout(data)
    except ValueError as error:
        raise ModelFileError(
            f"{source}: is truncated, damaged or not {layout.what} ({one_line(error)})."
        ) from error
    if bytes(data[8 : _HASH.start]) != _START:
        raise ModelFileError(
            f"{source}: is a safetensors file, but not {layout.what}: recurra did not write it."
        )
    if bytes(data[_HASH]) != _digest(data):
        raise ModelFileError(f"{source}: is damaged: its contents and its checksum differ.")
    header = _header(metadata.get("recurra", ""), source)
    _check_layout(header, layout, source)
    return header, tensors


def _check_layout(header: dict[str, Any], layout: Layout, source: str) -> None:
    if header.get("format") != layout.format:
        found = str(header.get("format"))[:40]
        raise ModelFileError(f"{source}: holds {found!r}, expected {layout.what}.")
    version = header.get("version")
    if type(version) is not int or version < 1:
        raise ModelFileError(f"{source}: has version {str(version)[:40]!r}, expected 1 or more.")
    if version > layout.version:
        raise ModelFileError(
            f"{source}: is of version {version}, and this recurra reads up to {layout.version}. "
            f"Update it: pip install -U recurra."
        )


def _digest(data: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(data[: _HASH.start])
    digest.update(_NO_HASH)
    digest.update(memoryview(data)[_HASH.stop :])
    return digest.hexdigest().encode()


def _header(text: str, source: str) -> dict[str, Any]:
    try:
        header: Any = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{source}: has a header that cannot be read ({one_line(error)})."
        ) from error
    if not isinstance(header, dict) or depth_of(header) > MAX_DEPTH:
        raise ModelFileError(
            f"{source}: has a header that is no JSON object, or one nested deeper than {MAX_DEPTH}."
        )
    return header


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def one_line(error: BaseException | str) -> str:
    """An error's message as part of ours."""
    text = " ".join(str(error).split())[:400]
    return text if text or isinstance(error, str) else type(error).__name__


def depth_of(value: Any) -> int:
    """How deep a JSON value is nested; a plain value is 0 deep.

    >>> depth_of({"a": [1, []]})
    3
    """
    depth, level = 0, [value]
    while containers := [part for part in level if isinstance(part, (dict, list))]:
        depth += 1
        level = [
            part
            for container in containers
            for part in (container.values() if isinstance(container, dict) else container)
        ]
    return depth


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
