"""Estimators with scikit-learn's conventions, over sequences of unequal length."""

from recurra.training.estimators.classifier import SequenceClassifier
from recurra.training.estimators.forecaster import Forecaster
from recurra.training.estimators.regressor import SequenceRegressor
from recurra.training.estimators.tagger import SequenceTagger

__all__ = ["Forecaster", "SequenceClassifier", "SequenceRegressor", "SequenceTagger"]
