"""From torch layers to what a file says of them: a tree and raw tensors."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, Described
from recurra.engine import Raw
from recurra.engine.kinds import OWN, kind_of
from recurra.engine.plain import plain_json
from recurra.layers import Layer

__all__ = ["describe_layers", "own_classes", "raw_tensors", "type_of"]

TYPES = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
    "I32": torch.int32, "I64": torch.int64, "F16": torch.float16, "BF16": torch.bfloat16,
    "F32": torch.float32, "F64": torch.float64,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in TYPES.items()}
FLOATS = {str(t).removeprefix("torch."): t for t in TYPES.values() if t.is_floating_point}


def describe_layers(model: nn.Module) -> dict[str, Any]:
    """The tree of a model, in nodes of JSON: kind, config, modules.

    Raises:
        TypeError: it is not a layer, or holds a module that no file can.
        ValueError: two of its parts share weights.

    >>> import recurra as rc
    >>> tree = describe_layers(rc.Recurrent(rc.cells.Seen(2)))
    >>> tree["kind"], tree["modules"]["cell"]["config"]
    ('recurra.Recurrent', {'symbols': 2})
    """
    if isinstance(model, Cell):
        raise TypeError(
            f"save: model is the cell {model.signature()}, expected a layer. "
            f"Wrap it: recurra.Recurrent({type(model).__name__}(...))."
        )
    if not isinstance(model, Layer):
        raise TypeError(
            f"save: model is a {type(model).__name__}, expected recurra's layers. "
            f"Put its parts into a recurra.Stack."
        )
    _refuse_shared(model)
    return _node(model, "model")


def _node(module: nn.Module, where: str) -> dict[str, Any]:
    kind = kind_of(module)
    if module._forward_hooks or module._forward_pre_hooks:
        raise TypeError(f"save: {where} ({kind.name}) has hooks, which a file cannot hold.")
    config: dict[str, Any] = {}
    modules: dict[str, Any] = {}
    for name, value in kind.arguments(module).items():
        if isinstance(value, nn.Module):
            modules[name] = _node(value, f"{where}.{name}")
        elif _are_modules(value):
            modules[name] = [_node(part, f"{where}.{name}.{k}") for k, part in enumerate(value)]
        else:
            config[name] = plain_json(value, f"{where}.{name}")
    return {"kind": kind.name, "config": config, "modules": modules}


def _are_modules(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(isinstance(part, nn.Module) for part in value)
    )


def _refuse_shared(model: nn.Module) -> None:
    first: dict[int, str] = {}
    for name, tensor in chain(
        model.named_parameters(remove_duplicate=False),
        model.named_buffers(remove_duplicate=False),
    ):
        if (other := first.setdefault(id(tensor), name)) != name:
            raise ValueError(
                f"save: {other} and {name} are one tensor, and a file would make two of it. "
                f"Give each part its own: copy.deepcopy one of them."
            )


def own_classes(model: nn.Module) -> tuple[type[Described], ...]:
    """The classes in a model that are its author's own, not the library's."""
    found: dict[type[Described], None] = {
        type(module): None
        for module in model.modules()
        if isinstance(module, Described) and kind_of(module).name.startswith(OWN)
    }
    return tuple(found)


def type_of(model: nn.Module) -> str:
    """The one floating type of a model, such as "float32".

    Raises:
        ValueError: it has several, or one that no file holds.
    """
    tensors = chain(model.parameters(), model.buffers())
    found = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
    names = sorted(str(dtype).removeprefix("torch.") for dtype in found) or ["float32"]
    if len(names) > 1 or names[0] not in FLOATS:
        raise ValueError(
            f"save: the model's weights are {' and '.join(names)}, expected one of "
            f"{', '.join(FLOATS)}. Use model.to(torch.float32)."
        )
    return names[0]


def raw_tensors(model: nn.Module) -> dict[str, Raw]:
    """The `state_dict` of a model, as a file holds it."""
    return {name: _raw(name, tensor) for name, tensor in model.state_dict().items()}


def _raw(name: str, tensor: Any) -> Raw:
    if not isinstance(tensor, Tensor) or tensor.dtype not in NAMES:
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(f"save: {name} is {kind}, which a model file cannot hold.")
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return NAMES[tensor.dtype], tuple(tensor.shape), data
