"""What every layer does with its arguments before any arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell, Described
from recurra.cells.state import describe, map_state, named_slots, same_structure, select
from recurra.errors import ShapeError, StateError
from recurra.layers import engines
from recurra.layers.arguments import check_lengths, check_reset, fill_past
from recurra.layers.scan import Scan, autocasts

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Given", "Layer"]


class Given(NamedTuple):
    """What a layer is run on, checked and with a batch axis."""

    x: Tensor  # (batch, time, feature), or (batch, time) of indices
    state: Any  # before the first step, slots (batch, ...)
    lengths: Tensor | None  # (batch,)
    reset: Tensor | None  # (batch, time) of booleans
    keep_states: bool


class Layer(Described):
    """Something that runs over sequences and carries a state.

    The base of `Recurrent`, `Stack`, `Residual` and `Bidirectional`: it checks the arguments,
    makes unbatched input a batch of one, and keeps what lies past a row's length out of the way.

    >>> import torch, recurra as rc
    >>> layer = rc.Stack(rc.Recurrent(rc.cells.GRU(3, 8)), torch.nn.Linear(8, 1))
    >>> isinstance(layer, rc.layers.Layer)
    True
    >>> y, state = layer(torch.zeros(2, 5, 3), lengths=[5, 2])
    >>> y, state = layer.step(state, torch.zeros(2, 3))
    >>> y.shape
    torch.Size([2, 1])
    """

    input_size: int | None = None
    event_dims: int = 1  # axes of one event: 1 for features, 0 for the index an embedding takes
    _engine: engines.Choice = "auto"

    @property
    def _native(self) -> dict[str, Any]:
        """What the native engine knows of the layer; never copied or stored with it."""
        known: dict[str, Any] = self.__dict__.setdefault("_of_native", {})
        return known

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_of_native"}

    def use_engine(self, engine: engines.Choice) -> Self:
        """Say what runs this layer and the layers in it.

        Args:
            engine: "native", the compiled engine; "torch", one torch operation after the other;
                "auto", as every layer is at first, takes the native one where it can: on the CPU,
                in float32 and float64, for steps that `recurra.compiler.trace` can read.

        Returns:
            The layer itself. It keeps the choice in copies, not in model files.

        Raises:
            ValueError: there is no such engine.

        >>> import recurra as rc
        >>> rc.Recurrent(rc.cells.GRU(3, 8)).use_engine("torch").engine
        'torch'
        """
        engines.check_choice(self, engine)
        for part in self.modules():
            if isinstance(part, Layer):
                part._engine = engine
        return self

    @property
    def engine(self) -> str:
        """What runs the layer as it is now, on the CPU in float32 or float64: "native" or "torch".

        `recurra.explain` says why.

        >>> import recurra as rc
        >>> rc.Recurrent(rc.cells.GRU(3, 8)).engine
        'native'
        """
        if self._engine == "torch":
            return "torch"
        return "torch" if engines.native().refusals_of(self) else "native"

    def initial_state(self, batch: int) -> Any:
        """H_0 for a number of rows."""
        raise NotImplementedError

    def step(
        self, state: Any, x: Tensor, *, reset: Tensor | Sequence[Any] | None = None
    ) -> tuple[Tensor, Any]:
        """One event a row.

        Args:
            state: the state before it, slots (batch, ...); None starts at H_0.
            x: (batch, feature).
            reset: (batch,) of booleans; where true the state is set to H_0 before the event.

        Returns:
            The answers (batch, feature) and the state after them.

        Raises:
            ShapeError: x or `reset` has the wrong shape or type.
            StateError: the state is not this layer's, or of another type or number of rows.
            NotStreamableError: the layer answers only when it knows what comes later.
        """
        if x.dim() != 1 + self.event_dims:
            feature = ", feature" if self.event_dims else ","
            raise ShapeError(
                f"{self.signature()}: x has shape {tuple(x.shape)}, expected (batch{feature}): "
                f"one event a row."
            )
        self._check_features(x)
        start = self.initial_state(len(x))
        if state is None:
            state = start
        else:
            self._check_state(state, start, f"for x with {len(x)} rows")
        if reset is not None:
            flags = check_reset(self.signature(), reset, x.shape[:1], x, "a flag for every row")
            state = select(flags, start, state)
        if self._engine != "torch":
            done = engines.native().step_layer(self, state, x, start)
            if done is not None:
                return done  # type: ignore[no-any-return]
        try:
            return self.run_step(state, x)
        except RuntimeError as error:
            self._explain_type(x, error)
            raise

    def run_step(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        """The layer's arithmetic for one event, on checked arguments."""
        raise NotImplementedError

    def run(self, given: Given) -> Scan:
        """The layer's arithmetic, on checked arguments."""
        raise NotImplementedError

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | Sequence[Any] | None = None,
        return_states: bool = False,
    ) -> tuple[Tensor, Any] | tuple[Tensor, Any, Any]:
        """Run over whole sequences.

        Args:
            x: (batch, time, feature), or (time, feature) for one sequence.
            state: what an earlier call gave back, to go on from there; None starts at H_0.
            lengths: (batch,), the real steps of each row. The rest of a row is not looked at: its
                answers are zeros and its state stays that of its last real step; a row of length
                0 keeps the state it came with.
            reset: (batch, time) of booleans, or (time,) for one sequence. Where true the state is
                set to H_0 before that step.
            return_states: also give the state after every step.

        Returns:
            y (batch, time, feature) and the state after the last step; with `return_states` also
            all states, slots (batch, time, ...). For x without a batch axis nothing has one.

        Raises:
            ShapeError: an argument has the wrong shape or type.
            StateError: the state is not this layer's.
            TypeError: x is not a tensor.
        """
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{self.signature()}: x is a {type(x).__name__}, expected a torch.Tensor. "
                f"Pass torch.as_tensor(x)."
            )
        if x.dim() == 1 + self.event_dims:
            return self._forward_one(x, state, lengths, reset, return_states)
        self._check_x(x)
        batch = x.shape[0]
        start = self.initial_state(batch)
        if state is None:
            state = start
        else:
            self._check_state(state, start, f"for x with {batch} rows")
        if reset is not None:
            reset = self._check_reset(reset, x, "a flag for every row and step of x")
        if lengths is not None:
            lengths = check_lengths(self.signature(), lengths, x)
        given = Given(x, state, lengths, reset, return_states)
        done = None
        if self._engine != "torch":
            done = engines.native().run_layer(self, given, start)
        y, state, states = self._run_in_torch(given) if done is None else done
        return (y, state, states) if return_states else (y, state)

    def _run_in_torch(self, given: Given) -> Scan:
        """The arithmetic with what lies past a row's length kept out of the way."""
        x, lengths = given.x, given.lengths
        if lengths is not None:
            # Ones: where a cell divides by the norm of x, zeros would make the gradient NaN.
            x = fill_past(x, lengths, 1 if x.is_floating_point() else 0)
        try:
            done = self.run(given._replace(x=x))
        except RuntimeError as error:
            self._explain_type(x, error)
            raise
        return done if lengths is None else done._replace(y=fill_past(done.y, lengths, 0))

    def _forward_one(
        self, x: Tensor, state: Any, lengths: Any, reset: Any, return_states: bool
    ) -> tuple[Tensor, Any] | tuple[Tensor, Any, Any]:
        """One sequence without a batch axis."""
        if lengths is not None:
            raise ShapeError(
                f"{self.signature()}: lengths is given for x of shape {tuple(x.shape)}, which has "
                f"no batch axis. Cut x at its length instead."
            )
        self._check_features(x)
        if state is not None:
            one_row = map_state(lambda slot: slot[0], self.initial_state(1))
            self._check_state(state, one_row, "for x without a batch axis")
        if reset is not None:
            reset = self._check_reset(reset, x, "a flag for every step of x")[None]
        y, *states = Layer.forward(
            self,
            x[None],
            None if state is None else map_state(lambda slot: slot[None], state),
            reset=reset,
            return_states=return_states,
        )
        states = [map_state(lambda slot: slot[0], each) for each in states]
        return (y[0], *states)

    def _check_x(self, x: Tensor) -> None:
        wanted = 2 + self.event_dims
        if x.dim() != wanted:
            feature = ", feature" if self.event_dims else ""
            raise ShapeError(
                f"{self.signature()}: x has shape {tuple(x.shape)}, expected "
                f"(batch, time{feature}) or (time{feature})."
            )
        self._check_features(x)

    def _check_features(self, x: Tensor) -> None:
        size = self.input_size
        if self.event_dims and size is not None and x.shape[-1] != size:
            raise ShapeError(
                f"{self.signature()}: x has shape {tuple(x.shape)}, expected (..., {size}). "
                f"The last axis holds features."
            )

    def _explain_type(self, x: Tensor, error: RuntimeError) -> None:
        """Say in place of torch that x and the weights differ in type.

        Afterwards, because what takes x may well turn it into the weights' type by itself.
        """
        weights = self._weights_type()
        if "type" not in str(error) or not self.event_dims or weights in (None, x.dtype):
            return
        other = f" or use layer.to({x.dtype})" if x.is_floating_point() else ""
        raise ShapeError(
            f"{self.signature()}: x is {x.dtype}, the layer's weights are {weights}. "
            f"Pass x.to({weights}){other}."
        ) from error

    def _weights_type(self) -> torch.dtype | None:
        return next((p.dtype for p in self.parameters() if p.is_floating_point()), None)

    def _check_state(self, state: Any, wanted: Any, why: str) -> None:
        try:
            fits = same_structure(state, wanted)
        except StateError as error:
            raise StateError(f"{self.signature()}: {error}") from None
        if not fits:
            raise StateError(
                f"{self.signature()}: state has slots {describe(state)}, expected "
                f"{describe(wanted)}. Pass what the layer returned, or None to start "
                f"at H_0."
            )
        given = named_slots(state)
        for name, slot in named_slots(wanted).items():
            if given[name].shape != slot.shape:
                raise StateError(
                    f"{self.signature()}: state has {name} of shape {tuple(given[name].shape)}, "
                    f"expected {tuple(slot.shape)} {why}."
                )
            if given[name].dtype != slot.dtype:
                self._check_type(name, given[name], slot)

    def _check_type(self, name: str, slot: Tensor, wanted: Tensor) -> None:
        """Refuse a slot of a float type that is neither H_0's nor the weights'."""
        expected = (wanted.dtype, self._weights_type() or slot.dtype)
        if slot.is_floating_point() and slot.dtype not in expected and not autocasts(slot):
            raise StateError(
                f"{self.signature()}: state has {name} of {slot.dtype}, expected {wanted.dtype}. "
                f"Pass what the layer returned, or {name}.to({wanted.dtype})."
            )

    def _check_reset(self, reset: Any, x: Tensor, meaning: str) -> Tensor:
        shape = x.shape[: x.dim() - self.event_dims]
        return check_reset(self.signature(), reset, shape, x, meaning)


def check_cell(owner: str, argument: str, cell: Any) -> None:
    """Refuse what is not a cell."""
    if not isinstance(cell, Cell):
        raise TypeError(
            f"{owner}: {argument} is a {type(cell).__name__}, expected a recurra.Cell. "
            f"Subclass recurra.Cell and define initial_state, update and output."
        )
