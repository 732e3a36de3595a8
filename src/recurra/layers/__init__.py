"""Layers: cells over time, and models made of them."""

from recurra.layers.bidirectional import Bidirectional, BidirectionalState
from recurra.layers.layer import Layer
from recurra.layers.recurrent import Recurrent
from recurra.layers.stack import Residual, Stack
from recurra.layers.standardize import Standardize

__all__ = [
    "Bidirectional",
    "BidirectionalState",
    "Layer",
    "Recurrent",
    "Residual",
    "Stack",
    "Standardize",
]
