"""The oracle here is torch itself."""

import pytest

from recurra.layers import Layer


@pytest.fixture(autouse=True)
def _layers_run_in_torch(monkeypatch):
    monkeypatch.setattr(Layer, "_engine", "torch")
