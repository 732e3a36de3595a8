"""Pictures of what a model remembers and how it learned; they need matplotlib."""

from recurra.drawing.heatmap import heat_maps
from recurra.drawing.recording import Recording, record
from recurra.drawing.save import check_format, save_figure

__all__ = ["Recording", "check_format", "heat_maps", "record", "save_figure"]
