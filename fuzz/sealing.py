"""Our files as an attacker would make them: any contents, with checksum and fingerprint right."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from recurra.streaming.description import fingerprint
from recurra.streaming.tensors import RawTensor

Header = dict[str, Any]


def parts_of(data: bytes) -> tuple[Header, Any, bytes]:
    """A file's header as safetensors has it, our JSON in it, and what follows the header."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["recurra"]), data[8 + length :]


def forged(header: Header, ours: object, rest: bytes) -> bytes:
    """A file with any contents and a checksum that is right."""
    ours = ours if isinstance(ours, str) else json.dumps(ours)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    metadata = {"sha256": "0" * 64, "recurra": ours}
    text = json.dumps({"__metadata__": metadata, **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = len(text).to_bytes(8, "little") + text + rest
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


def recomputed(header: Header, ours: Any, rest: bytes) -> str:
    """The fingerprint that goes with what a forged model file says."""
    tensors = {
        name: RawTensor(e["dtype"], tuple(e["shape"]), rest[slice(*e["data_offsets"])])
        for name, e in header.items()
        if name != "__metadata__"
    }
    return fingerprint(ours["model"], ours["dtype"], tensors, ours.get("step"))


def resealed(snapshot: bytes) -> bytes:
    """A snapshot with the checksum that goes with the bytes before it."""
    return snapshot[:-8] + hashlib.blake2b(snapshot[:-8], digest_size=8).digest()
