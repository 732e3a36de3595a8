"""What the package training offers."""

import pytest

from recurra import training


@pytest.mark.parametrize("name", training.__all__)
def test_every_name_leads_somewhere(name):
    assert getattr(training, name) is not None


def test_fit_and_windows_are_the_functions_and_not_their_modules():
    assert callable(training.fit)
    assert callable(training.windows)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'train'"):
        training.train  # noqa: B018
