"""Which modules a model file can hold: how each is written down, and how it is made again.

The library's cells and layers are taken from their packages' ``__all__`` and speak for themselves
through ``config()``. Torch's modules have a row here each. Users' own cells are written under
``own.`` and have to be handed in when the file is read: a name in a file is only ever looked up
in these tables, never imported.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from torch import nn

import recurra.cells
import recurra.layers
from recurra.cells.base import Described
from recurra.errors import ModelFileError
from recurra.layers.stack import check_axis

__all__ = ["OWN", "Kind", "kind_named", "kind_of", "own_kinds"]

OWN = "own."


class Kind(NamedTuple):
    """One class of modules in a file."""

    name: str
    cls: type[nn.Module]
    arguments: Callable[[Any], dict[str, Any]]  # of a module: JSON values and modules
    build: Callable[..., nn.Module]  # from those arguments


def _take(*names: str) -> Callable[[Any], dict[str, Any]]:
    """The arguments that a module keeps under their own names."""
    return lambda module: {name: getattr(module, name) for name in names}


def _linear(module: nn.Linear) -> dict[str, Any]:
    sizes = {"in_features": module.in_features, "out_features": module.out_features}
    return {**sizes, "bias": module.bias is not None}


def _layer_norm(module: nn.LayerNorm) -> dict[str, Any]:
    own = _take("normalized_shape", "eps", "elementwise_affine")(module)
    return {**own, "bias": module.bias is not None}


def _embedding(module: nn.Embedding) -> dict[str, Any]:
    if module.max_norm is not None:
        raise TypeError(
            "save: torch.nn.Embedding(max_norm=...) changes its weights while it runs. "
            "Scale them once and leave max_norm out."
        )
    return _take("num_embeddings", "embedding_dim", "padding_idx")(module)


def _last_axis(module: Any) -> dict[str, Any]:
    check_axis("save", module)
    return {"dim": -1}


def _sequential(module: nn.Sequential) -> dict[str, Any]:
    return {"names": list(module._modules), "parts": list(module)}


def _make_sequential(names: list[str], parts: list[nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(zip(names, parts, strict=True)))


# `inplace` is never written down: an answer may share memory with a state.
_TORCH: dict[type[nn.Module], Callable[[Any], dict[str, Any]]] = {
    nn.AlphaDropout: _take("p"),
    nn.CELU: _take("alpha"),
    nn.Dropout: _take("p"),
    nn.ELU: _take("alpha"),
    nn.Embedding: _embedding,
    nn.GELU: _take("approximate"),
    nn.GLU: _last_axis,
    nn.Hardsigmoid: _take(),
    nn.Hardswish: _take(),
    nn.Hardtanh: _take("min_val", "max_val"),
    nn.Identity: _take(),
    nn.LayerNorm: _layer_norm,
    nn.LeakyReLU: _take("negative_slope"),
    nn.Linear: _linear,
    nn.LogSigmoid: _take(),
    nn.LogSoftmax: _last_axis,
    nn.Mish: _take(),
    nn.RMSNorm: _take("normalized_shape", "eps", "elementwise_affine"),
    nn.ReLU: _take(),
    nn.ReLU6: _take(),
    nn.SELU: _take(),
    nn.Sequential: _sequential,
    nn.SiLU: _take(),
    nn.Sigmoid: _take(),
    nn.Softmax: _last_axis,
    nn.Softplus: _take("beta", "threshold"),
    nn.Softsign: _take(),
    nn.Tanh: _take(),
}
_BUILDERS: dict[type[nn.Module], Callable[..., nn.Module]] = {
    nn.Sequential: _make_sequential,
    recurra.layers.Stack: lambda parts: recurra.layers.Stack(*parts),
}


def _config(module: Described) -> dict[str, Any]:
    return module.config()


@cache
def _library() -> Mapping[type[nn.Module], Kind]:
    """The kinds that every file may name, by class."""
    kinds = {cls: Kind(f"torch.nn.{cls.__name__}", cls, row, cls) for cls, row in _TORCH.items()}
    for package in (recurra.cells, recurra.layers):
        for name in package.__all__:
            cls = getattr(package, name)
            if isinstance(cls, type) and issubclass(cls, Described):
                kinds[cls] = Kind(f"recurra.{name}", cls, _config, cls)
    for cls, build in _BUILDERS.items():
        kinds[cls] = kinds[cls]._replace(build=build)
    return kinds


@cache
def _by_name() -> Mapping[str, Kind]:
    return {kind.name: kind for kind in _library().values()}


def kind_of(module: nn.Module) -> Kind:
    """The kind of a module that is to be written down.

    Raises:
        TypeError: no file can hold it.

    >>> import recurra as rc
    >>> kind_of(rc.cells.GRU(3, 8)).name
    'recurra.GRU'
    """
    cls = type(module)
    if kind := _library().get(cls):
        return kind
    if isinstance(module, Described):
        return _own(type(module))
    torch_names = ", ".join(sorted(kind.__name__ for kind in _TORCH))
    raise TypeError(
        f"save: the model holds a {cls.__module__}.{cls.__qualname__}, which a model file cannot: "
        f"expected recurra's layers and cells, cells of your own, or of torch.nn {torch_names}."
    )


def _own(cls: type[Described]) -> Kind:
    return Kind(f"{OWN}{cls.__name__}", cls, _config, cls)


def own_kinds(cells: Iterable[type[Described]]) -> dict[str, Kind]:
    """The kinds of users' own classes, by name.

    Raises:
        TypeError: one is not a class of cells or layers.
        ValueError: two have the same name.
    """
    kinds: dict[str, Kind] = {}
    given: Iterable[Any] = cells
    for cls in given:
        if not (isinstance(cls, type) and issubclass(cls, Described)):
            raise TypeError(f"load: cells has {cls!r}, expected classes, as in cells=(MyCell,).")
        kind = _own(cls)
        if kinds.setdefault(kind.name, kind).cls is not cls:
            raise ValueError(f"load: two of the cells are called {cls.__name__}. Rename one.")
    return kinds


def kind_named(name: str, own: Mapping[str, Kind]) -> Kind:
    """The kind a file names.

    Raises:
        ModelFileError: it is not known, or is a user's own and was not handed in.
    """
    kind = _by_name().get(name) or own.get(name)
    if kind is not None:
        return kind
    if name.startswith(OWN) and name[len(OWN) :].isidentifier():
        cell = name[len(OWN) :]
        raise ModelFileError(
            f"holds a cell of its author's own, {cell}, whose code is not in the file. "
            f"Import the class and hand it in: load(path, cells=({cell},))."
        )
    raise ModelFileError(f"holds a {name[:80]!r}, which this recurra does not know.")
