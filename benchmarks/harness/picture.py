"""The whole record in one picture: every time over its floor, recurra among its peers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.harness.table import LABELS

__all__ = ["draw"]

# Colours of Okabe and Ito, which are told apart by every eye; ours is the darkest and largest.
STYLES = {
    "recurra_layer": ("#000000", "o"),
    "recurra_nn": ("#000000", "."),
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
    longest = max(len(each["cases"]) for each in questions)
    figure = Figure(figsize=(max(8.0, 0.42 * longest + 3), 3.6 * len(questions)), dpi=110)
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(questions), squeeze=False)[:, 0]
    for axes, question in zip(panels, questions, strict=True):
        _draw_question(axes, question)
    figure.suptitle(f"Time over the floor of the machine: {_machine(contents)}", fontsize=11)
    figure.tight_layout(rect=(0, 0, 1, 0.99))
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
        size = 9 if name in ("recurra_layer", "recurra_engine") else 6
        axes.plot(at, over, marker, color=colour, markersize=size, label=LABELS[name])
    axes.axhline(1, color="black", linewidth=1)
    axes.set_yscale("log")
    axes.set_title(question["title"], loc="left", fontsize=10)
    axes.set_ylabel("× floor")
    labels = [case["name"].replace(" training", "").replace(" forward", "") for case in cases]
    axes.set_xticks(range(len(cases)), labels, rotation=40, ha="right", fontsize=7)
    axes.grid(axis="y", which="both", alpha=0.25)
    axes.margins(x=0.02)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], names[::-1], fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
