"""The tensors that a step makes of nothing but numbers in its code."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx

from recurra.compiler.handlers import LAWS
from recurra.compiler.recording import Recorded
from recurra.errors import TraceError

__all__ = ["fold", "has_batch", "is_written"]

_LITERAL = "aten.lift_fresh_copy.default"  # what torch.tensor([...]) in the code comes through


def fold(recorded: Recorded, batch: int) -> dict[fx.Node, Any]:
    """The results of a graph's operations that depend on nothing it is given.

    A tensor of the layer that is no parameter or buffer is not among them, since it may be written
    to after the trace.
    """
    known: dict[fx.Node, Any] = {}
    for node in recorded.graph.nodes:
        if node.op == "get_attr" and _is_literal(node):
            known[node] = getattr(recorded.constants, str(node.target))
            if has_batch(known[node], batch):
                raise TraceError("a tensor with a row for each of the batch comes out of nowhere.")
        elif node.op == "call_function" and _can_be_known(node, known, batch):
            args, kwargs = fx.node.map_aggregate(
                (node.args, node.kwargs), lambda a: known[a] if isinstance(a, fx.Node) else a
            )
            with torch.no_grad():
                known[node] = node.target(*args, **kwargs)
    return known


def _is_literal(node: fx.Node) -> bool:
    return all(str(user.target) == _LITERAL for user in node.users)


def _can_be_known(node: fx.Node, known: dict[fx.Node, Any], batch: int) -> bool:
    if not known.keys() >= set(node.all_input_nodes):
        return False
    if node.target is operator.getitem:
        return True
    return (
        str(node.target) not in LAWS
        and not is_written(node)
        and not has_batch(node.meta.get("val"), batch)
    )


def is_written(node: fx.Node) -> bool:
    """Whether an operation writes into one of its inputs."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def has_batch(made: Any, batch: int) -> bool:
    """Whether tensors, or one of several, have the batch among their axes."""
    if isinstance(made, (tuple, list)):
        return any(has_batch(each, batch) for each in made)
    return isinstance(made, Tensor) and any(
        size > 0 and size % batch == 0 for size in made.shape if type(size) is int
    )
