"""From what a file says to torch layers, each claim checked before it is believed."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from recurra.cells.base import Described
from recurra.cells.state import named_slots
from recurra.engine import Raw
from recurra.engine.describing import FLOATS, NAMES, TYPES
from recurra.engine.kinds import Kind, kind_named, own_kinds
from recurra.engine.plain import plain_json
from recurra.errors import ModelFileError, NotStreamableError
from recurra.layers import Layer
from recurra.layers.engines import only_torch

__all__ = ["Described", "Layer", "build_layers", "try_once"]

MAX_DEPTH = 32
MAX_STATE_BYTES = 256 << 20  # of one row


def build_layers(
    tree: Mapping[str, Any],
    dtype: str,
    tensors: Mapping[str, Raw],
    cells: Iterable[type[Described]],
) -> Layer:
    """The layers a file describes, with its weights.

    They are first made on torch's meta device, which allocates nothing, so that what the
    description claims can be held against the tensors that are there.

    Args:
        tree: nodes of kind, config and modules.
        dtype: the floating type, such as "float32".
        tensors: by their name in the `state_dict`.
        cells: classes of the user's own.

    Raises:
        ModelFileError: a kind is unknown, its arguments or the tensors are wrong, or the parts do
            not fit together.
    """
    if dtype not in FLOATS:
        raise ModelFileError(f"has the type {dtype[:40]!r}, expected a float type.")
    maker = _Maker(own_kinds(cells))
    with torch.device("meta"), _Undrawn():
        outline = maker.layers(tree).to(FLOATS[dtype])
        _check_tensors(outline, tensors)
        _check_state(outline)
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        layers = maker.layers(tree).to(FLOATS[dtype])
    layers.load_state_dict({name: _tensor(raw) for name, raw in tensors.items()})
    return layers


class _Undrawn(TorchFunctionMode):
    """Leaves weights as they are: on the meta device they have no values to draw.

    Torch would load its compiler to draw normal numbers or an identity there, which takes seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {} if kwargs is None else kwargs
        if getattr(func, "__module__", None) == "torch.nn.init" and func.__name__.endswith("_"):
            return args[0] if args else given["tensor"]
        if func is torch.eye and "out" in given:  # torch.nn.init.eye_ comes here
            return given["out"]
        return func(*args, **given)


class _Maker:
    """Makes modules of their descriptions, on whatever device is the default."""

    def __init__(self, own: Mapping[str, Kind]) -> None:
        self.own = own

    def layers(self, tree: Mapping[str, Any]) -> Layer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of weights without elements
            layers = self._module(tree, 0)
        if not isinstance(layers, Layer):
            raise ModelFileError(f"holds a {tree['kind']}, expected layers.")
        return layers

    def _module(self, node: Mapping[str, Any], depth: int) -> nn.Module:
        if depth > MAX_DEPTH:
            raise ModelFileError(f"has modules nested deeper than {MAX_DEPTH}.")
        kind = kind_named(node["kind"], self.own)
        modules = {
            name: [self._module(inner, depth + 1) for inner in part]
            if isinstance(part, list)
            else self._module(part, depth + 1)
            for name, part in node["modules"].items()
        }
        try:
            return _make(kind, node["config"], modules)
        except Exception as error:
            if kind.name not in self.own:
                raise self._refusal(kind, error) from error
        # A user's own class may look into its tensors while it is made, which meta ones refuse.
        try:
            with torch.device("cpu"):
                return _make(kind, node["config"], modules)
        except Exception as error:
            raise self._refusal(kind, error) from error

    def _refusal(self, kind: Kind, error: Exception) -> ModelFileError:
        return ModelFileError(f"{kind.name} cannot be made from its description: {error}")


def _make(kind: Kind, config: Mapping[str, Any], modules: Mapping[str, Any]) -> nn.Module:
    """A module whose own description agrees with the one it is made from."""
    module = kind.build(**config, **modules)
    arguments = kind.arguments(module)
    if surplus := (config.keys() | modules.keys()) - arguments.keys():
        raise ValueError(f"it has no argument {min(surplus)!r}")
    for name, value in config.items():
        if (kept := plain_json(arguments[name], name)) != value:
            raise ValueError(f"{name} is {value!r} there and {kept!r} once it is made")
    return module


def _check_tensors(outline: nn.Module, tensors: Mapping[str, Raw]) -> None:
    wanted = outline.state_dict()
    for problem, names in (
        ("lacks the tensor", wanted.keys() - tensors.keys()),
        ("has a tensor that its description does not", tensors.keys() - wanted.keys()),
    ):
        if names:
            raise ModelFileError(f"{problem}: {min(names)[:80]!r}.")
    for name, tensor in wanted.items():
        given_type, given_shape, _ = tensors[name]
        dtype, shape = NAMES.get(tensor.dtype), tuple(tensor.shape)
        if (given_type, given_shape) != (dtype, shape):
            raise ModelFileError(
                f"tensor {name!r} is {given_type} {given_shape}, but its description means "
                f"{dtype} {shape}."
            )


def _check_state(outline: Layer) -> None:
    """Cells without weights can claim any size; their states are where it would be paid for."""
    try:
        slots = named_slots(outline.initial_state(1)).values()
    except Exception as error:
        raise ModelFileError(f"its initial state cannot be made: {error}") from error
    size = sum(slot.numel() * slot.element_size() for slot in slots)
    if size > MAX_STATE_BYTES:
        raise ModelFileError(
            f"means a state of {size} bytes a row, expected at most {MAX_STATE_BYTES}."
        )


def try_once(layers: Layer, dtype: str) -> int | None:
    """Run one event of zeros, so that parts that do not fit are found before any input comes.

    Returns:
        How many features the layers answer with, or None where that depends on x.

    Raises:
        ModelFileError: they cannot run.
    """
    size = layers.input_size
    if layers.event_dims and size is None:
        return None
    training = layers.training
    try:
        if layers.event_dims:
            event = torch.zeros(1, size or 0, dtype=FLOATS[dtype])
        else:
            event = torch.zeros(1, dtype=torch.long)
        # Not torch.inference_mode(), which hides an update that writes to its state.
        with torch.no_grad(), only_torch(layers):
            y, state = layers.eval()(event[:, None])
            with contextlib.suppress(NotStreamableError):
                layers.step(state, event)
    except Exception as error:
        raise ModelFileError(f"its layers do not fit together: {error}") from error
    finally:
        layers.train(training)
    return int(y.shape[-1])


def _tensor(raw: Raw) -> Tensor:
    name, shape, data = raw
    if not data:
        return torch.empty(shape, dtype=TYPES[name])
    return torch.frombuffer(bytearray(data), dtype=TYPES[name]).reshape(shape)
