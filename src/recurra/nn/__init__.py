"""Drop-ins for torch.nn's recurrent layers, with resets inside the batch and ragged rows."""

from recurra.nn.accelerate import accelerate
from recurra.nn.modules import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "accelerate"]
