"""Runs a test with every engine that can take its calls."""

import pytest
import torch

from recurra.nn import engine as engines
from recurra.nn import native


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run():
    torch.manual_seed(0)


@pytest.fixture
def force_loop(monkeypatch):
    """Every call of a drop-in runs in our own loop, the plain ones too."""
    monkeypatch.setattr(engines, "choose", lambda *_, **__: "loop")


@pytest.fixture
def force_torch(monkeypatch):
    """Every call of a drop-in runs as it does where the native engine cannot take it."""
    monkeypatch.setattr(native, "refusal", lambda *_: "told so")


@pytest.fixture(params=["chosen", "torch", "loop"])
def engine(request):
    """First the engine that a user's call gets, then those of calls it cannot take."""
    if request.param != "chosen":
        request.getfixturevalue(f"force_{request.param}")
    return request.param
