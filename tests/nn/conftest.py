"""Runs a test with every engine that can take its calls."""

import pytest
import torch

from recurra.nn import engine as engines


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run():
    torch.manual_seed(0)


@pytest.fixture
def force_loop(monkeypatch):
    """Every call of a drop-in runs in our own loop, the plain ones too."""
    monkeypatch.setattr(engines, "choose", lambda **_: "loop")


@pytest.fixture(params=["chosen", "loop"])
def engine(request):
    """First the engine that a user's call gets, then our own loop."""
    if request.param == "loop":
        request.getfixturevalue("force_loop")
    return request.param
