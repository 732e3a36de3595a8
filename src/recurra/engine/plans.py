"""The programs of a layer: read off it when they are first needed, kept for as long as they fit."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch._C import _len_torch_function_stack
from torch._guards import tracing
from torch.nn.modules import module as torch_module
from torch.overrides import _pop_mode_temporarily
from torch.utils._python_dispatch import _disable_current_modes

from recurra.compiler import Draw, Traced, simplify, split_once, trace
from recurra.compiler.swapping import swapped
from recurra.engine.checking import difference
from recurra.engine.structure import Unchanged, fingerprint, hooked
from recurra.errors import NotStreamableError, RecurraError, TraceError
from recurra.layers import Bidirectional, Layer, Recurrent, Residual, Stack
from recurra.layers.layer import Given
from recurra.program import Output, Program, to_json

__all__ = ["Made", "Plan", "Refusal", "Wanted", "is_plain", "plan_of"]

_MOST = 16  # plans of one layer: modes, and with or without all states


class Wanted(NamedTuple):
    """Which of a layer's programs."""

    features: int  # of x
    dtype: torch.dtype  # of x
    keep_states: bool = False  # whether it also answers with the new states
    step: bool = False  # one event by hand, where some noise is not drawn, and not a sequence


class Plan(NamedTuple):
    """A step of a layer as a program, and where its inputs come from. Texts and numbers only."""

    text: str  # the program as JSON
    weights: tuple[str, ...]  # its weights in order: paths in the layer, constants, once.0 and on
    draws: tuple[tuple[tuple[int, ...], Draw], ...]  # the shape of one row's, and how it is made
    once: str = ""  # what is computed on weights alone, as JSON: from x to once.0 and on
    once_weights: tuple[str, ...] = ()
    own: tuple[str, ...] = ()  # weights and constants of both, each once


class Refusal(NamedTuple):
    """Why a layer has no program."""

    why: str
    kind: Literal["parts", "silent", "trace"]  # runs part by part; in torch; so with a warning
    error: type[RecurraError] = TraceError


class Made(NamedTuple):
    """A plan with the tensors that belong to it and are not the layer's, and where those are."""

    plan: Plan | Refusal
    constants: Mapping[str, Tensor] = {}
    places: Mapping[str, Place] = {}

    def tensors(self) -> dict[str, Tensor]:
        """The weights that a plan names, as they are now."""
        found = {
            name: module.__dict__[kept][own] for name, (module, kept, own) in self.places.items()
        }
        return {**found, **self.constants} if self.constants else found


# A module, which of its dictionaries (torch.export puts others in their place), and the name in it.
Place = tuple[nn.Module, str, str]


class _Known(NamedTuple):
    """What was found last."""

    unchanged: Unchanged
    made: Made


def plan_of(layer: Layer, wanted: Wanted) -> Made:
    """The program of a layer as it is now.

    Args:
        layer: any but a `Bidirectional`, whose cells each have one.
        wanted: which one.
    """
    everywhere = _hooks_everywhere()
    last: dict[Any, _Known] = layer._native.setdefault("last", {})
    known = last.get((wanted, everywhere))
    if known is not None and known.unchanged.holds():
        return known.made
    unchanged = Unchanged(layer)
    made = _look_up(layer, wanted, (fingerprint(layer), wanted, everywhere))
    if unchanged.lasts:
        while len(last) >= _MOST:
            last.pop(next(iter(last)), None)
        last[wanted, everywhere] = _Known(unchanged, made)
    return made


def _look_up(layer: Layer, wanted: Wanted, key: Any) -> Made:
    kept: dict[Any, Made] = layer._native.setdefault("plans", {})
    if key in kept:
        return kept[key]
    # Nothing may be drawn, or the same seed would give other masks the first time.
    with (
        _outside_of_all_modes(),
        torch.inference_mode(False),
        torch.random.fork_rng([]),
        _with_real_weights(layer),
    ):
        found = _make(layer, wanted)
    while len(kept) >= _MOST:
        kept.pop(next(iter(kept)), None)
    kept[key] = found
    return found


def _make(layer: Layer, wanted: Wanted) -> Made:
    refusal = _refused(layer)
    if refusal is not None:
        return Made(refusal)
    if not _runs(layer, wanted):
        return Made(Refusal("it does not run in torch.", "silent"))  # which then says why
    try:
        traced = _traced(layer, wanted)
        why = _difference(layer, traced, wanted)
    except (TraceError, NotStreamableError) as error:
        return Made(Refusal(str(error), "trace"))
    return Made(Refusal(f"{why}.", "trace")) if why else _plan(layer, traced, wanted)


def _plan(layer: Layer, traced: Traced, wanted: Wanted) -> Made:
    program, weights, draws = traced
    once, step = split_once(_with_states(program) if wanted.keep_states else program)
    of_step, of_once = _names(step, "weight"), () if once is None else _names(once, "x")
    named = dict.fromkeys((*of_once, *of_step))
    plan = Plan(
        text=_text(step),
        weights=of_step,
        draws=tuple(
            (each.type.shape, draws[each.name]) for each in step.inputs if each.role == "draw"
        ),
        once="" if once is None else _text(once),
        once_weights=of_once,
        own=tuple(name for name in named if not name.startswith("once.")),
    )
    own = _places_of(layer)
    constants = {name: tensor for name, tensor in weights.items() if name not in own}
    return Made(plan, constants, {name: own[name] for name in plan.own if name in own})


def _places_of(layer: Layer) -> dict[str, Place]:
    """Where the parameters and buffers are, by the first of each one's names."""
    places = {}
    for path, _ in (*layer.named_parameters(), *layer.named_buffers()):
        owner, _, name = path.rpartition(".")
        module = layer.get_submodule(owner)
        kept = "_parameters" if name in module._parameters else "_buffers"
        places[path] = (module, kept, name)
    return places


@contextmanager
def _outside_of_all_modes() -> Iterator[None]:
    """As if nobody traced, exported or compiled the call."""
    with ExitStack() as stack:
        for _ in range(_len_torch_function_stack()):
            stack.enter_context(_pop_mode_temporarily())
        stack.enter_context(_disable_current_modes())
        stack.enter_context(tracing(None))
        yield


@contextmanager
def _with_real_weights(layer: Layer) -> Iterator[None]:
    """Torch.export looks at a layer whose weights hold no numbers: then with some of its own."""
    named = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    if all(is_plain(tensor) for tensor in named.values()):
        yield
        return
    drawn = {n: torch.randn(tuple(t.shape)).to(t.dtype) for n, t in named.items()}
    with swapped(layer, drawn):
        yield


_PLAIN_TYPES = (Tensor, nn.Parameter)


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is numbers side by side in memory, and nothing else."""
    return type(tensor) in _PLAIN_TYPES and tensor.layout is torch.strided and not tensor.is_neg()


def _traced(layer: Layer, wanted: Wanted) -> Traced:
    traced = trace(layer, sequence=not wanted.step, features=wanted.features)
    return traced._replace(program=simplify(traced.program))


def _difference(layer: Layer, traced: Traced, wanted: Wanted) -> str | None:
    if not traced.draws:
        return difference(layer, traced.program, traced.weights, wanted.features, wanted.dtype)
    quiet = _twin(layer).eval()  # with noise in it, no two steps are the same
    traced = _traced(quiet, wanted)
    return None if traced.draws else _difference(quiet, traced, wanted)


def _runs(layer: Layer, wanted: Wanted) -> bool:
    """Whether torch runs the layer; if not, it is torch's error that the caller should see."""
    x = torch.zeros((2, 1, wanted.features) if layer.event_dims else (2, 1), dtype=wanted.dtype)
    try:
        twin = _twin(layer).use_engine("torch")
        with torch.no_grad():
            twin.run(Given(x, twin.initial_state(2), None, None, wanted.keep_states))
    except Exception:  # noqa: BLE001  whatever a cell of anybody's may raise
        return False
    return True


def _twin(layer: Layer) -> Layer:
    """A copy with the same parameters, and nothing else in common."""
    return copy.deepcopy(layer, {id(weight): weight for weight in layer.parameters()})


def _refused(layer: Layer) -> Refusal | None:
    if any(isinstance(part, Bidirectional) for part in layer.modules()):
        return Refusal("a part reads each sequence from its end.", "parts")
    for part in layer.modules():
        if isinstance(part, Layer) and not _runs_as_written(type(part)):
            return Refusal(f"{type(part).__name__} has its own way to run.", "silent")
    called = hooked(layer)
    if called is not None or _hooks_everywhere():
        name = "every module" if called is None else type(called).__name__
        return Refusal(f"{name} has hooks, which a program does not call.", "silent")
    return None


def _hooks_everywhere() -> bool:
    return bool(torch_module._has_any_global_hook())  # type: ignore[no-untyped-call]


def _runs_as_written(kind: type[Layer]) -> bool:
    """Whether a step through the layer, over time, is what it does with a sequence."""
    base = next((b for b in (Recurrent, Stack, Residual) if issubclass(kind, b)), None)
    methods: tuple[Callable[[Any], Any], ...] = (
        lambda c: c.run,
        lambda c: c.run_step,
        lambda c: c.forward,
        lambda c: c.step,
    )
    return base is not None and all(method(kind) is method(base) for method in methods)


def _with_states(program: Program) -> Program:
    """A program that answers with its new states too, as ``state.NAME``."""
    more = tuple(
        Output(f"state.{output.name}", "y", output.value)
        for output in program.outputs
        if output.role == "state"
    )
    return Program(program.inputs, program.instructions, program.outputs + more)


def _text(program: Program) -> str:
    return json.dumps(to_json(program), separators=(",", ":"))


def _names(program: Program, role: str) -> tuple[str, ...]:
    return tuple(each.name for each in program.inputs if each.role == role)
