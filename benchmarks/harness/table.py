"""The numbers as a person reads them: a table of each question, and its bars."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.question import Question, Verdict
from benchmarks.harness.race import OURS, Result

__all__ = ["LABELS", "UNITS", "case_lines", "header", "verdict_lines"]

LABELS = {
    "recurra_layer": "recurra",
    "recurra_nn": "recurra.nn",
    "recurra_engine": "recurra",
    "torch_layer": "torch.nn",
    "torch_cell": "torch cell",
    "torch_loop": "torch loop",
    "jax_scan": "JAX scan",
    "onnx_runtime": "ONNX Runtime",
    "openvino_model": "OpenVINO",
    "recurra_streams": "recurra",
    "in_memory": "in memory",
    "lmdb": "LMDB alone",
}
UNITS = {"µs": 1e-6, "ms": 1e-3, "MiB": 2.0**20}
STATES = {True: "pass", False: "MISS", None: "not measured"}


def header(question: Question) -> str:
    unit = question.unit
    return (
        f"\n{question.title}\n"
        f"{'':40}{'peer':14}{f'median {unit}':>12}{f'best {unit}':>11}{'spread':>8}"
        f"{'x floor':>9}{'x recurra':>11}"
    )


def case_lines(question: Question, result: Result) -> list[str]:
    """A line a peer; the first also names the case."""
    unit, lines = UNITS[question.unit], []
    if result.floor:
        lines.append(f"{'floor':14}{result.floor / unit:12.4g}")
    for name, measured in result.measured.items():
        over = f"{measured.median / result.floor:9.2f}" if result.floor else f"{'':9}"
        ratio = result.ratios.get(name)
        against = f"{ratio:11.2f}" if ratio is not None and name != OURS else f"{'':11}"
        note = result.notes.get(name, "")
        lines.append(
            f"{LABELS[name]:14}{measured.median / unit:12.4g}{measured.best / unit:11.4g}"
            f"{measured.spread:8.0%}{over}{against}{f'  {note}' if note else ''}"
        )
    lines += [f"{LABELS[name]:14}  {why}" for name, why in result.absent.items()]
    title = str(result.case)
    return [f"{title if not place else '':40}{line}" for place, line in enumerate(lines)]


def verdict_lines(verdicts: Sequence[Verdict]) -> list[str]:
    lines = []
    for bar, value, limit, better in verdicts:
        state = STATES[Verdict(bar, value, limit, better).passed]
        sign = "≤" if better == "lower" else "≥"
        shown = "-" if value is None else f"{value:.3g}"
        lines.append(f"  {state:13}{bar:76}{shown:>8}  {sign} {limit:g}")
    return lines
