"""What each ATen operation is in our ops, one family a file.

Importing this package enters all of them into `HANDLERS`.
"""

from recurra.compiler.handlers import (
    choices,
    functions,
    making,
    norms,
    parts,
    pointwise,
    products,
    reductions,
    views,
)
from recurra.compiler.handlers.making import LAWS
from recurra.compiler.lowering import HANDLERS

__all__ = [
    "HANDLERS",
    "LAWS",
    "choices",
    "functions",
    "making",
    "norms",
    "parts",
    "pointwise",
    "products",
    "reductions",
    "views",
]
