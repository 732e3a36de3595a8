"""States, gates, inputs and answers over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recurra.drawing.save import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["heat_maps"]

Array = NDArray[Any]

_MOST_ROW_NAMES = 24  # more cannot be read beside each other
_MOST_LINES = 12  # in a legend
_MOST_STEP_NAMES = 60
_MOST_CELLS = (1000, 250)  # steps and units that surely have a pixel each
_NAME_HEIGHT = 0.15  # inches of a line of small type


def heat_maps(
    panels: Mapping[str, Array],
    *,
    answers: Array | None = None,
    wanted: Array | None = None,
    answer_names: Sequence[str] = (),
    row_names: Mapping[str, Sequence[str]] | None = None,
    steps: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Arrays over time as heat maps, one under the other, and the answer under them.

    Args:
        panels: name -> (time, units); values in [0, 1] are drawn from white to dark, others
            around zero in two colours.
        answers: (time, output), drawn as lines.
        wanted: (time, output), drawn as dots: what the answers should be.
        answer_names: a name for each output, for the legend.
        row_names: name -> a name for each unit of a panel, for its axis.
        steps: a label for each step, where there are few enough to read.
        title: stands above.

    Returns:
        A figure of matplotlib's.

    >>> import numpy as np
    >>> figure = heat_maps({"h": np.zeros((5, 3))}, answers=np.zeros((5, 1)))
    >>> [axes.get_ylabel() for axes in figure.axes[:2]]
    ['h', 'answer']
    """
    rows = dict(row_names or {})
    time = max([len(panel) for panel in panels.values()] + [0 if answers is None else len(answers)])
    heights = [_height(panel, rows.get(name, ())) for name, panel in panels.items()]
    heights += [] if answers is None else [1.4]
    figure = new_figure(min(16.0, max(7.0, 0.22 * time + 2)), 0.9 + sum(heights))
    grid = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    for axes, (name, panel) in zip(grid, panels.items(), strict=False):
        _heat_map(figure, axes, name, panel, rows.get(name, ()))
    if answers is not None:
        _lines(grid[-1], answers, wanted, answer_names)
    _label_steps(grid[-1], time, steps)
    if title:
        figure.suptitle(_plain(title))
    return figure


def _height(panel: Array, names: Sequence[str]) -> float:
    """Inches: room for the names, and more for many units than for a few."""
    units: int = panel.shape[1]
    named = _NAME_HEIGHT * units if names and units <= _MOST_ROW_NAMES else 0.0
    return max(0.9 if units <= 4 else 1.5, named, min(3.0, 0.02 * units))


def _heat_map(
    figure: Figure, axes: Axes, name: str, panel: Array, row_names: Sequence[str]
) -> None:
    lowest, highest = float(np.min(panel, initial=0)), float(np.max(panel, initial=0))
    if lowest >= 0 and highest <= 1:
        colours, start, end = "Greys", 0.0, 1.0
    else:
        most = max(-lowest, highest)
        colours, start, end = "RdBu_r", -most, most
    time, units = panel.shape
    image = axes.imshow(
        _pooled(_pooled(panel, 0), 1).T,
        aspect="auto",
        interpolation="nearest",
        extent=(-0.5, time - 0.5, units - 0.5, -0.5),
        cmap=colours,
        vmin=start,
        vmax=end,
    )
    axes.set_ylabel(_plain(name))
    if row_names and units <= _MOST_ROW_NAMES:
        axes.set_yticks(np.arange(units), [_plain(each) for each in row_names], fontsize="x-small")
    elif units > 1:
        axes.set_yticks([0, units - 1], ["1", f"{units}"], fontsize="x-small")
    else:
        axes.set_yticks([])
    axes.tick_params(axis="y", length=0)
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03, aspect=12)
    bar.ax.tick_params(labelsize="x-small")


def _pooled(panel: Array, axis: int) -> Array:
    """Where several cells would share a pixel: their mean, not whichever comes first."""
    size = panel.shape[axis]
    count = min(size, _MOST_CELLS[axis])
    if count == size:
        return panel
    edges = np.linspace(0, size, count + 1).astype(int)
    total: Array = np.add.reduceat(panel.astype(np.float64), edges[:-1], axis=axis)
    mean: Array = total / np.expand_dims(np.diff(edges), 1 - axis)
    return mean


def _lines(axes: Axes, answers: Array, wanted: Array | None, names: Sequence[str]) -> None:
    when = np.arange(len(answers))
    for k in range(answers.shape[1]):
        label = _plain(names[k]) if k < min(len(names), _MOST_LINES) else None
        axes.step(when, answers[:, k], where="mid", label=label)
    if wanted is not None:
        for k in range(wanted.shape[1]):
            axes.plot(when, wanted[:, k], "k.", label="right answer" if k == 0 else None)
    one = len(names) == answers.shape[1] == 1 and wanted is None
    axes.set_ylabel(f"answer: {_plain(names[0])}" if one else "answer")
    axes.margins(x=0)
    axes.set_xlim(-0.5, len(answers) - 0.5)
    if not one and (names or wanted is not None):
        axes.figure.legend(loc="outside lower center", ncols=6, fontsize="small", frameon=False)


def _label_steps(axes: Axes, time: int, steps: Sequence[str] | None) -> None:
    if steps is not None and time <= _MOST_STEP_NAMES:
        axes.set_xticks(np.arange(time), [_plain(each) for each in steps])
        axes.set_xlabel("input, step by step")
    else:
        axes.locator_params(axis="x", integer=True)
        axes.set_xlabel("step")


def _plain(text: str) -> str:
    """A name as it is: matplotlib would take $...$ for mathematics."""
    return text.replace("$", r"\$")
