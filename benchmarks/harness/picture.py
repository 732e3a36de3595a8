"""The whole record in one picture: every time over its floor, recurra among its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from benchmarks.harness.table import LABELS

__all__ = ["draw"]

# Colours of Okabe and Ito, which are told apart by every eye; ours is the darkest and largest. The
# first are drawn over the others.
STYLES = {
    "recurra_nn": ("#FFFFFF", "o"),
    "recurra_layer": ("#000000", "o"),
    "recurra_engine": ("#000000", "o"),
    "torch_layer": ("#D55E00", "s"),
    "torch_cell": ("#CC79A7", "D"),
    "torch_loop": ("#E69F00", "P"),
    "jax_scan": ("#0072B2", "^"),
    "onnx_runtime": ("#009E73", "v"),
    "openvino_model": ("#56B4E9", "<"),
}


def draw(contents: Mapping[str, Any], path: Path) -> None:
    """Draw a record.

    Args:
        contents: what `Record` wrote.
        path: a PNG.
    """
    questions = [
        each
        for each in contents["questions"].values()
        if any(case["floor"] and case["measured"] for case in each["cases"])
    ]
    if not questions:
        return
    rows = (len(questions) + 1) // 2
    figure = Figure(figsize=(17, 4.2 * rows + 0.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, question in zip(panels, questions, strict=False):
        _draw_question(axes, question)
    for empty in panels[len(questions) :]:
        empty.set_axis_off()
    figure.suptitle(f"Time over the floor of the machine: {_machine(contents)}", fontsize=12)
    figure.savefig(path)


def _machine(contents: Mapping[str, Any]) -> str:
    machine = contents["machine"]
    return f"{machine['processor']}, {machine.get('peak', '')}, {contents['date'][:10]}"


def _draw_question(axes: Axes, question: Mapping[str, Any]) -> None:
    cases = [case for case in question["cases"] if case["floor"]]
    peers = [name for name in STYLES if any(name in case["measured"] for case in cases)]
    for name in reversed(peers):
        colour, marker = STYLES[name]
        at = [place for place, case in enumerate(cases) if name in case["measured"]]
        over = [cases[place]["measured"][name]["median"] / cases[place]["floor"] for place in at]
        size = 9 if name in ("recurra_layer", "recurra_engine") else 5
        edge = "black" if name == "recurra_nn" else colour
        axes.plot(
            at,
            over,
            marker,
            color=colour,
            markeredgecolor=edge,
            markersize=size,
            label=LABELS[name],
        )
    axes.axhline(1, color="black", linewidth=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    lowest = min(min(line.get_ydata()) for line in axes.get_lines())
    axes.set_ylim(bottom=min(0.8, 0.9 * lowest))
    axes.set_ylabel("× floor")
    axes.set_xticks(range(len(cases)), _names(cases), rotation=40, ha="right", fontsize=8)
    axes.grid(axis="y", which="both", alpha=0.25)
    axes.margins(x=0.02)
    axes.set_title(question["title"], loc="left", pad=20, fontsize=10, fontweight="bold")
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        names[::-1],
        loc="lower right",
        bbox_to_anchor=(1.01, 0.99),
        ncols=len(names),
        columnspacing=0.8,
        handletextpad=0.1,
        frameon=False,
        fontsize=8,
    )


def _names(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Without the word that all of them have."""
    modes = {case["case"]["mode"] for case in cases}
    shared = f" {modes.pop()}" if len(modes) == 1 else ""
    return [case["name"].replace(shared, "") for case in cases]
