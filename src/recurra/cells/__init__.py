"""Cells: the update and the memory of a recurrent layer, one family a file.

Give any of them, or one of your own, to `recurra.Recurrent`.
"""

from recurra.cells.base import Cell
from recurra.cells.elman import Elman, ElmanState
from recurra.cells.gru import GRU, GRUState
from recurra.cells.handset import Repeats, RepeatsState, Seen, SeenState
from recurra.cells.lstm import LSTM, LSTMState
from recurra.cells.mean import Mean, MeanState
from recurra.cells.noise import VariationalDropout, Zoneout
from recurra.cells.start import InitialState
from recurra.cells.wrapper import CellWrapper

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
    "CellWrapper",
    "Elman",
    "ElmanState",
    "GRUState",
    "InitialState",
    "LSTMState",
    "Mean",
    "MeanState",
    "Repeats",
    "RepeatsState",
    "Seen",
    "SeenState",
    "VariationalDropout",
    "Zoneout",
]
