"""Programs in torch, one op after the other: any element type, any device, and differentiable.

The path of second derivatives, and an oracle for the native engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.engine.memory import Run
from recurra.layers.arguments import fill_past
from recurra.layers.scan import flip_time, real_steps
from recurra.program import Program
from recurra.program.ops import Attributes

__all__ = ["MEANINGS", "replay", "replay_step"]

Tensors = Sequence[Tensor]


def _matvec(values: Tensors, attributes: Attributes) -> Tensor:
    matrix, vector = values
    if attributes["transposed"]:
        matrix = matrix.transpose(-1, -2)
    if len(matrix) == 1 and matrix.dim() == 3:
        return F.linear(vector, matrix[0])
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def _slice(values: Tensors, attributes: Attributes) -> Tensor:
    start, stop = attributes["start"], attributes["stop"]
    return values[0].narrow(1 + attributes["axis"], start, stop - start)


def _concat(values: Tensors, attributes: Attributes) -> Tensor:
    rows = next((len(v) for v in values if len(v) != 1), 1)
    return torch.cat([v.expand(rows, *v.shape[1:]) for v in values], 1 + attributes["axis"])


def _transpose(values: Tensors, attributes: Attributes) -> Tensor:
    return values[0].permute(0, *(1 + axis for axis in attributes["order"]))


def _constant(values: Tensors, attributes: Attributes) -> Tensor:
    like = values[0]  # a tensor of the program's type: the op itself takes nothing
    return like.new_full((1, *attributes["shape"]), attributes["value"])


def _one_hot(values: Tensors, attributes: Attributes) -> Tensor:
    index, like = values
    places = torch.arange(attributes["size"], device=index.device)
    return (index.unsqueeze(-1) == places).to(like.dtype)


def _norm_scale(values: Tensors, attributes: Attributes) -> Tensor:
    x, epsilon = values
    if attributes["centred"]:
        x = x - x.mean(-1, keepdim=True)
    return torch.rsqrt((x * x).mean(-1) + epsilon)


def _norm_slope(values: Tensors, attributes: Attributes) -> Tensor:
    g, v, scale = values
    along = g - v * (g * v).mean(-1, keepdim=True)
    if attributes["centred"]:
        along = along - g.mean(-1, keepdim=True)
    return along * scale.unsqueeze(-1)


def _plain(function: Callable[..., Tensor]) -> Callable[[Tensors, Attributes], Tensor]:
    return lambda values, _: function(*values)


# What each op of the closed set is in torch; every value has a leading axis of rows, of length 1
# where it is the same for all.
MEANINGS: dict[str, Callable[[Tensors, Attributes], Tensor]] = {
    **{
        name: _plain(getattr(torch, name))
        for name in (
            "neg", "exp", "log", "tanh", "sigmoid", "erf", "relu", "sqrt", "rsqrt", "abs", "sin",
            "cos", "sign", "add", "sub", "mul", "div", "pow", "less", "less_equal", "where",
        )
    },
    "fma": _plain(lambda x, y, z: x * y + z),
    "fms": _plain(lambda x, y, z: x * y - z),
    "fnma": _plain(lambda x, y, z: z - x * y),
    "sigmoid_slope": _plain(lambda x, y: x * (y - y * y)),
    "tanh_slope": _plain(lambda x, y: x * (1 - y * y)),
    "detach": _plain(lambda x: x.detach()),
    "softplus": _plain(lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "silu": _plain(F.silu),
    "gelu": _plain(F.gelu),
    "max": _plain(torch.maximum),
    "min": _plain(torch.minimum),
    "equal": _plain(torch.eq),
    "not": _plain(torch.logical_not),
    "and": _plain(torch.logical_and),
    "sum": _plain(lambda x: x.sum(-1)),
    "mean": _plain(lambda x: x.mean(-1)),
    "largest": _plain(lambda x: x.amax(-1)),
    "norm_scale": _norm_scale,
    "standardize": _plain(lambda x, scale: (x - x.mean(-1, keepdim=True)) * scale.unsqueeze(-1)),
    "norm_slope": _norm_slope,
    "outer": _plain(lambda one, other: one.unsqueeze(-1) * other.unsqueeze(-2)),
    "matvec": _matvec,
    "addmatvec": lambda values, a: values[0] + _matvec(values[1:], a),
    "reshape": lambda values, a: values[0].reshape(len(values[0]), *a["shape"]),
    "expand": lambda values, a: values[0].expand(-1, *a["shape"]),
    "transpose": _transpose,
    "slice": _slice,
    "concat": _concat,
    "constant": _constant,
    "one_hot": _one_hot,
}  # fmt: skip
_NEED_A_TYPE = ("constant", "one_hot")


def replay_step(program: Program, inputs: Tensors, like: Tensor) -> list[Tensor]:
    """One step of a program.

    Args:
        program: a valid program.
        inputs: in the program's order: weights as they are, all others with a leading axis of rows.
        like: gives the type and device.

    Returns:
        The program's outputs in order, with the axis of rows.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> b.output("y", "y", b.op("add", b.input("x", "x", (2,)), b.input("w", "weight", (2,))))
    >>> x, w = torch.tensor([[1.0, 2.0]]), torch.tensor([10.0, 20.0])
    >>> replay_step(b.program(), [x, w], x)
    [tensor([[11., 22.]])]
    """
    values = [
        tensor.unsqueeze(0) if given.role == "weight" else tensor
        for given, tensor in zip(program.inputs, inputs, strict=True)
    ]
    rows = next(
        len(tensor)
        for given, tensor in zip(program.inputs, inputs, strict=True)
        if given.role != "weight"
    )
    for op, places, attributes in program.instructions:
        operands = [values[k] for k in places]
        if op in _NEED_A_TYPE:
            operands.append(like)
        values.append(MEANINGS[op](operands, attributes))
    return [values[o.value].expand(rows, *values[o.value].shape[1:]) for o in program.outputs]


def replay(program: Program, given: Run) -> tuple[list[Tensor], list[Tensor]]:
    """A program over sequences, step by step.

    Returns:
        The answers (batch, time, ...), zeros past a row's length, and the states after each row's
        last step, both in the program's order.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x, h = b.input("x", "x", (1,)), b.input("h", "state", (1,))
    >>> total = b.op("add", x, h)
    >>> b.output("y", "y", total)
    >>> b.output("h", "state", total)
    >>> x = torch.ones(1, 3, 1)
    >>> (y,), (h,) = replay(b.program(), Run([x, torch.zeros(1, 1)], [], None, None, False))
    >>> y.flatten().tolist(), h.item()
    ([1.0, 2.0, 3.0], 3.0)
    """
    roles = [each.role for each in program.inputs]
    x = given.inputs[roles.index("x")]
    batch, time = x.shape[:2]
    over_time = {
        k: _in_order(values.expand(batch, time, *values.shape[2:]), given)
        for k, (role, values) in enumerate(zip(roles, given.inputs, strict=True))
        if role in ("x", "draw")
    }
    places = [k for k, role in enumerate(roles) if role == "state"]
    state = [given.inputs[k] for k in places]
    answers_of = [k for k, output in enumerate(program.outputs) if output.role == "y"]
    states_of = _new_states(program, places)
    like = next((t for t in given.inputs if t.is_floating_point()), torch.zeros(0))
    real = None if given.lengths is None else real_steps(given.lengths, time)
    flags = None if given.reset is None else _flip(given.reset, given)
    columns: list[list[Tensor]] = []
    for t in range(time):
        if flags is not None:
            now = flags[:, t] if real is None else flags[:, t] & real[:, t]
            state = [_choose(now, *pair) for pair in zip(given.starts, state, strict=True)]
        step = list(given.inputs)
        for k, values in over_time.items():
            step[k] = values[:, t]
        for k, slot in zip(places, state, strict=True):
            step[k] = slot
        found = replay_step(program, step, like)
        columns.append([found[k] for k in answers_of])
        new = [found[k] for k in states_of]
        state = new if real is None else [
            _choose(real[:, t], *pair) for pair in zip(new, state, strict=True)
        ]  # fmt: skip
    if not columns:
        types = program.types()
        shapes = [types[program.outputs[k].value].shape for k in answers_of]
        return [like.new_zeros(batch, 0, *shape) for shape in shapes], state
    answers = [torch.stack(steps, 1) for steps in zip(*columns, strict=True)]
    return [_flip(_ended(y, given), given) for y in answers], state


def _new_states(program: Program, places: Sequence[int]) -> list[int]:
    found = {o.name: k for k, o in enumerate(program.outputs) if o.role == "state"}
    return [found[program.inputs[k].name] for k in places]


def _in_order(values: Tensor, given: Run) -> Tensor:
    """In the order the steps come, and with nothing past the lengths that could do harm."""
    if given.lengths is not None:
        values = fill_past(values, given.lengths, 1 if values.is_floating_point() else 0)
    return _flip(values, given)


def _flip(values: Tensor, given: Run) -> Tensor:
    return flip_time(values, given.lengths) if given.backwards else values


def _ended(y: Tensor, given: Run) -> Tensor:
    return y if given.lengths is None else fill_past(y, given.lengths, 0)


def _choose(rows: Tensor, chosen: Tensor, other: Tensor) -> Tensor:
    return chosen.where(rows.reshape(-1, *([1] * (chosen.dim() - 1))), other)
