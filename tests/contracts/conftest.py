"""Runs every contract on both engines."""

import pytest

from recurra.layers import Layer


@pytest.fixture(params=["native", "torch"], autouse=True)
def engine(request, monkeypatch):
    """First the engine that a layer gets by itself, the native one, then torch's operations."""
    if request.param == "torch":
        monkeypatch.setattr(Layer, "_engine", "torch")
    return request.param
