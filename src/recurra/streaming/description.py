"""What a model is, as JSON: a tree of nodes, one a module.

::

    {"kind": "recurra.Recurrent", "config": {}, "modules": {"cell": {...}}}

``config`` holds the constructor's plain arguments, ``modules`` those that are modules: a node, or a
list of nodes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from recurra.errors import ModelFileError
from recurra.streaming.tensors import RawTensor

__all__ = ["check_tree", "fingerprint"]

Node = dict[str, Any]

MAX_MODULES = 10_000


def check_tree(tree: Any, source: str) -> Node:
    """The tree, if it is one.

    Raises:
        ModelFileError: a node has other entries, or entries of other types; or there are too many.
    """
    waiting, count = [("model", tree)], 0
    while waiting:
        where, node = waiting.pop()
        count += 1
        if count > MAX_MODULES:
            raise ModelFileError(f"{source}: has more than {MAX_MODULES} modules.")
        if not (
            isinstance(node, dict)
            and set(node) == {"kind", "config", "modules"}
            and isinstance(node["kind"], str)
            and isinstance(node["config"], dict)
            and isinstance(node["modules"], dict)
            and not set(node["config"]) & set(node["modules"])
            and all(map(str.isprintable, (node["kind"], *node["config"], *node["modules"])))
        ):
            raise ModelFileError(
                f"{source}: {where[:80]!r} in its header is not a description of a module, "
                f"expected kind, config and modules."
            )
        for name, part in node["modules"].items():
            parts = part if isinstance(part, list) else [part]
            waiting.extend((f"{where}.{name}", inner) for inner in parts)
    return tree  # type: ignore[no-any-return]


def fingerprint(
    tree: Node, dtype: str, tensors: Mapping[str, RawTensor], step: Mapping[str, Any] | None = None
) -> str:
    """SHA-256 over what a model is, what a step of it computes and all its weights: 64 hex digits.

    >>> cell = {"kind": "recurra.Seen", "config": {"symbols": 2}, "modules": {}}
    >>> fingerprint(cell, "float32", {}) == fingerprint(cell, "float64", {})
    False
    """
    shapes = {name: [t.dtype, list(t.shape)] for name, t in tensors.items()}
    said = [1, tree, dtype, shapes]
    if step is not None:
        said = [2, *said[1:], *map(step.get, ("program", "constants", "start"))]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(tensors[name].data)
    return digest.hexdigest()
