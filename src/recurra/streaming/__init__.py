"""Trained models as files, and their streams: numpy in, numpy out.

Importing it loads no torch. `load` does, for as long as torch is what runs the model.
"""

from recurra.streaming.metrics import Metrics
from recurra.streaming.model import Model
from recurra.streaming.modelfile import load, save
from recurra.streaming.statefile import read_states, write_states
from recurra.streaming.stream import Stream
from recurra.streaming.streams import Streams

__all__ = ["Metrics", "Model", "Stream", "Streams", "load", "read_states", "save", "write_states"]
