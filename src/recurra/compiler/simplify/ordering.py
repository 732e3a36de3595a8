"""Sums in the order in which a loop adds the least."""

from __future__ import annotations

from collections.abc import Iterator

from recurra.compiler.simplify.context import Context
from recurra.program import Instruction

__all__ = ["order_sum"]


def order_sum(c: Context, value: int, _: Instruction) -> int | None:
    """Of a sum, first what is there before the loop, then the rest; of each, products last.

    A product is then added up onto what is already summed, and the loop adds as little as it can.
    """
    terms = [*_terms(c, value)]
    products = {term for term in terms if _is_product(c, term)}
    if not products:
        return None
    loop = c.loops.get(value)

    def place(term: int) -> tuple[bool, bool]:
        return loop is not None and c.loops.get(term) == loop, term in products

    first, *rest = sorted(terms, key=place)
    total = c.new[first]
    for term in rest:
        total = c.b.op("add", total, c.new[term])
    return total


def _terms(c: Context, value: int) -> Iterator[int]:
    """What a sum of sums adds up, in order; a sum that is used elsewhere too is one term."""
    waiting = [value]
    while waiting:
        term = waiting.pop()
        found = c.made_by("add", term)
        if found and (term == value or c.used_once(term)):
            waiting += found.inputs[::-1]
        else:
            yield term


def _is_product(c: Context, value: int) -> bool:
    """Whether a value is a product by weights that nothing else needs."""
    found = c.made_by("matvec", value)
    return found is not None and found.inputs[0] in c.shared and c.used_once(value)
