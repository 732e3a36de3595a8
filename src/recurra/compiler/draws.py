"""Random numbers that a step asks for, as inputs that are made outside of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Draw", "Law", "Span"]

Law = Literal["uniform", "normal"]
Span = Literal["step", "sequence"]


class Draw(NamedTuple):
    """How the numbers of a program's input of role "draw" are made; every row has its own.

    Masks are made of them in the program: a Bernoulli(p) is a uniform number below p.

    Attributes:
        law: "uniform" on [0, 1), or "normal" of mean 0 and variance 1.
        span: "step" where every step has fresh numbers, "sequence" where one call of the layer
            keeps the same for all its steps.
    """

    law: Law
    span: Span
