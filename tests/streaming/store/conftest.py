"""A store, and the model whose states it keeps."""

import pytest

from recurra.streaming.store import LmdbStore
from tests.streaming.store.made import a_model


@pytest.fixture
def model():
    return a_model()


@pytest.fixture
def store(tmp_path, model):
    with LmdbStore(tmp_path / "states", model) as store:
        yield store
