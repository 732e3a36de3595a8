"""The engine that runs torch layers as they are."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recurra.cells import Cell, CellWrapper
from recurra.cells.state import map_state, named_slots
from recurra.engine import Array, Slot, Stepper
from recurra.layers import Bidirectional, Layer

__all__ = ["EagerEngine"]


class EagerEngine:
    """Runs layers in evaluation mode and records nothing for gradients.

    Args:
        layers: from here on the engine's own.
        dtype: the floating type of their weights, such as "float32".
        output_size: how many features they answer with, where that is known.

    >>> import numpy as np, recurra as rc
    >>> engine = EagerEngine(rc.Recurrent(rc.cells.Repeats(2)), "float32", 1)
    >>> three = np.array([[0.0, 1.0]], dtype=np.float32)
    >>> y, state = engine.step(engine.start(1), three)
    >>> engine.step(state, three)[0]
    array([[1.]], dtype=float32)
    """

    name = "torch"

    def __init__(self, layers: Layer, dtype: str, output_size: int | None) -> None:
        self.layers = layers.eval().requires_grad_(False)
        self._waiting = next((m for m in layers.modules() if isinstance(m, Bidirectional)), None)
        if self._waiting is None:
            layers.use_engine("torch")  # the native engine would have taken them without layers
        self.signature = layers.signature()
        self.event_dims = layers.event_dims
        self.input_size = layers.input_size
        self.output_size = output_size
        self.indices = None if layers.event_dims else _indices(layers)
        self.parameters = sum(parameter.numel() for parameter in layers.parameters())
        self.output_type = _numpy_type(getattr(torch, dtype))
        self.input_type = self.output_type if layers.event_dims else np.dtype(np.int64)
        self._narrow = dtype == "bfloat16" and layers.event_dims > 0
        with torch.inference_mode():
            self._template = layers.initial_state(1)
        self.slots: Mapping[str, Slot] = {
            name: Slot(tuple(slot.shape[1:]), _numpy_type(slot.dtype))
            for name, slot in named_slots(self._template).items()
        }

    def check_streamable(self) -> None:
        """Raise NotStreamableError where a step cannot be answered without later ones."""
        if self._waiting is not None:
            self._waiting.run_step(None, torch.empty(0))

    def equations(self) -> dict[str, str]:
        """What each kind of cell computes, by its name: from its docstring, wrappers last."""
        kinds = [type(part) for part in self.layers.modules() if isinstance(part, Cell)]
        kinds.sort(key=lambda kind: issubclass(kind, CellWrapper))
        return {kind.__name__: _equations(kind) for kind in kinds}

    def start(self, batch: int) -> Any:
        """H_0."""
        with torch.inference_mode():
            return self.layers.initial_state(batch)

    def step(self, state: Any, x: Array) -> tuple[Array, Any]:
        """One event a row."""
        with torch.inference_mode():
            y, state = self.layers.run_step(state, self._tensor(x))
            return _array(y), state

    def run(
        self, x: Array, state: Any, lengths: Array | None, reset: Array | None
    ) -> tuple[Array, Any]:
        """Whole sequences."""
        with torch.inference_mode():
            y, state = self.layers(
                self._tensor(x),
                state,
                lengths=None if lengths is None else torch.from_numpy(lengths),
                reset=None if reset is None else torch.from_numpy(reset),
            )
            return _array(y), state

    def take(self, arrays: Mapping[str, Array]) -> Any:
        """The state that holds copies of these arrays."""
        given = iter(arrays[name] for name in self.slots)
        with torch.inference_mode():
            return map_state(
                lambda slot: torch.from_numpy(next(given).copy()).to(slot.dtype), self._template
            )

    def give(self, state: Any) -> dict[str, Array]:
        """Copies of the arrays that a state holds."""
        return {name: _array(slot) for name, slot in named_slots(state).items()}

    def stepper(self) -> Stepper:
        """A state of one row at H_0, to be moved on."""
        return _EagerStepper(self)

    def keyed_stepper(self, rows: int) -> None:
        """Torch steps rows, and knows of no keys."""

    def _tensor(self, x: Array) -> Tensor:
        # A copy: a cell may keep x in its state, and the caller may use its array again.
        tensor = torch.from_numpy(x.copy())
        return tensor.bfloat16() if self._narrow else tensor


class _EagerStepper:
    """The state before the next event; a step puts another in its place."""

    def __init__(self, engine: EagerEngine) -> None:
        self._engine = engine
        self._type = engine.input_type
        size = engine.input_size
        self._shape = None if engine.event_dims and size is None else (size,) * engine.event_dims
        self._state = engine.start(1)

    def step(self, x: Array) -> Array | None:
        if type(x) is not np.ndarray or x.dtype != self._type:
            return None
        if x.ndim != self._engine.event_dims if self._shape is None else x.shape != self._shape:
            return None
        y, self._state = self._engine.step(self._state, x[None])
        return y[0]  # type: ignore[no-any-return]

    def run(self, xs: Array) -> Array:
        if not len(xs):
            return self._engine.run(xs[None], self._state, None, None)[0][0]  # type: ignore[no-any-return]
        answers, state = [], self._state
        for x in xs:
            y, state = self._engine.step(state, x[None])
            answers.append(y[0])
        self._state = state
        return np.stack(answers)

    def peek(self, x: Array) -> Array:
        return self._engine.step(self._state, x[None])[0][0]  # type: ignore[no-any-return]

    def take(self, arrays: Mapping[str, Array]) -> None:
        self._state = self._engine.take({name: array[None] for name, array in arrays.items()})

    def give(self) -> dict[str, Array]:
        return {name: slot[0] for name, slot in self._engine.give(self._state).items()}

    def reset(self) -> None:
        self._state = self._engine.start(1)


def _indices(layers: Layer) -> int | None:
    sizes = [part.num_embeddings for part in layers.modules() if isinstance(part, nn.Embedding)]
    return min(sizes, default=None)


def _array(tensor: Tensor) -> Array:
    """A copy, for the same reason."""
    if tensor.dtype == torch.bfloat16:  # numpy has none; float32 holds the same values
        tensor = tensor.float()
    return tensor.numpy().copy()


def _numpy_type(dtype: torch.dtype) -> np.dtype[Any]:
    return np.dtype("float32" if dtype == torch.bfloat16 else str(dtype).removeprefix("torch."))


def _equations(cls: type[Cell[Any]]) -> str:
    """The paragraphs of a docstring after its first line that state the triple."""
    _, _, rest = (cls.__doc__ or "").partition("\n")
    text = textwrap.dedent(rest).strip()
    text = re.split(r"^(?:Args|Attributes|Raises):|^>>>", text, maxsplit=1, flags=re.MULTILINE)[0]
    before, output, after = text.partition("\nOutput g")
    stated = before + output + after.split("\n\n", 1)[0]
    return stated.removeprefix("::").strip("\n").rstrip()
