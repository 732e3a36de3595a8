"""What a step does beside tensor operations, seen while it is recorded."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NoReturn

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.overrides import TorchFunctionMode

from recurra.errors import TraceError

__all__ = ["Watch", "graph_so_far"]

_HIDDEN = {
    Tensor.numpy: "Tensor.numpy",
    Tensor.tolist: "Tensor.tolist",
    Tensor.__array__: "numpy",
    Tensor.data.__get__: "Tensor.data",  # type: ignore[attr-defined]
}


def graph_so_far() -> fx.Graph:
    """The graph that is being recorded."""
    recording: Any = get_proxy_mode()
    graph: fx.Graph = recording.tracer.graph
    return graph


class Watch(TorchFunctionMode):
    """Refuses what the recording would not see, and notes what is done under torch.no_grad."""

    def __init__(self) -> None:
        super().__init__()
        self.inference = torch.is_inference_mode_enabled()
        self.refused: TraceError | None = None
        self.switches: list[tuple[int, bool]] = []  # nodes so far; gradients from here on

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function in _HIDDEN:
            self._refuse(
                f"{_HIDDEN[function]} goes past torch's operations, which alone can be traced. "
                f"Use those, or Tensor.detach where no gradient shall go."
            )
        if torch.is_inference_mode_enabled() and not self.inference:
            self._refuse("torch.inference_mode in a step stops gradients. Use torch.no_grad.")
        if function is torch._C._set_grad_enabled:
            self.switches.append((len(graph_so_far().nodes), args[0]))
        return function(*args, **(kwargs or {}))

    def _refuse(self, why: str) -> NoReturn:
        # Torch's operators take a TypeError, which this is one of, for "not this operand".
        self.refused = TraceError(why)
        raise self.refused

    def without_gradient(self, graph: fx.Graph) -> frozenset[str]:
        """The nodes that were made while gradients were switched off."""
        nodes = list(graph.nodes)
        return frozenset(
            node.name
            for (start, gradients), (end, _) in pairwise([*self.switches, (len(nodes), True)])
            if not gradients
            for node in nodes[start:end]
        )
