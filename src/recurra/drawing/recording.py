"""What happened inside a model while it read one sequence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from recurra.layers import Layer, Recurrent

__all__ = ["Recording", "record"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Recording:
    """One sequence through a model, for pictures; `record` makes one.

    One made by hand draws as well, such as a state that comes from elsewhere:

    >>> import numpy as np
    >>> x = np.eye(3)
    >>> seen = Recording(x=x, y=x[:, :1], states={"seen": np.cumsum(x, axis=0)})
    >>> seen.states["seen"][-1].tolist()
    [1.0, 1.0, 1.0]
    """

    x: Array  # (time, feature)
    y: Array  # (time, output)
    states: dict[str, Array] = field(default_factory=dict)  # slot name -> (time, units)
    gates: dict[str, Array] = field(default_factory=dict)  # gate name -> (time, units)


def record(layer: Layer, x: Array) -> Recording:
    """Run one sequence and keep every step's state and gates.

    Args:
        layer: recurra's layers; run in evaluation mode, and left in the mode they came in.
        x: (time, feature).

    Returns:
        The recording; slots of any trailing shape are laid out as one row of units a step.

    >>> import numpy as np, recurra as rc
    >>> model = rc.Stack(rc.Recurrent(rc.cells.GRU(3, 8)))
    >>> seen = record(model, np.zeros((5, 3), dtype=np.float32))
    >>> seen.states["0.h"].shape, sorted(seen.gates)
    ((5, 8), ['0.r', '0.z'])
    """
    import torch

    from recurra.cells.state import named_slots

    first_weight = next(layer.parameters(), torch.zeros(0))
    tensor = torch.as_tensor(x)
    if layer.event_dims:
        tensor = tensor.to(first_weight)
    with _evaluation(layer), torch.no_grad(), _inputs_of(layer) as inputs:
        y, _, states = layer(tensor[None], return_states=True)
        gates: dict[str, Array] = {}
        for name, (part, part_x, part_states) in inputs.items():
            for letter, values in _gates(part, part_x, part_states).items():
                gates[f"{name}.{letter}" if name else letter] = _rows(values)
    slots = {name: _rows(slot[0]) for name, slot in named_slots(states).items()}
    return Recording(x=np.asarray(x), y=_rows(y[0]), states=slots, gates=gates)


def _rows(values: Tensor) -> Array:
    rows: Array = values.detach().double().cpu().numpy()
    return rows.reshape(len(rows), -1)


@contextlib.contextmanager
def _evaluation(layer: Layer) -> Iterator[None]:
    modes = {module: module.training for module in layer.modules()}
    layer.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def _inputs_of(layer: Layer) -> Iterator[dict[str, tuple[Recurrent, Tensor, Any]]]:
    """Notes each recurrent part's input and states as it runs, by the part's place."""
    from recurra.layers import Recurrent

    seen: dict[str, tuple[Recurrent, Tensor, Any]] = {}
    hooks = []
    for path, part in layer.named_modules():
        if isinstance(part, Recurrent):
            # "parts.2.inside" -> "2": as the state's slots are named.
            name = ".".join(word for word in path.split(".") if word.isdigit())

            def note(part: Any, args: Any, result: Any, name: str = name) -> None:
                seen[name] = (part, args[0], result[2])

            hooks.append(part.register_forward_hook(note))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _gates(part: Recurrent, x: Tensor, states: Any) -> dict[str, Tensor]:
    """All steps' gates at once: each step, with the state before it, is a row."""
    import torch

    from recurra.cells.state import map_state

    before = map_state(
        lambda start, after: torch.cat([start, after[0, :-1]]), part.initial_state(1), states
    )
    return part.cell.gates(before, x[0])
