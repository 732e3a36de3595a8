"""Tests that ask for `case` run for every estimator."""

import pytest

from tests.training.estimators.problems import PROBLEMS, Case


@pytest.fixture(params=list(PROBLEMS), ids=lambda kind: kind.__name__)
def case(request):
    return Case(request.param)
