"""The record of a run: date, machine, versions, spread; written anew after each question."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.machine import describe_machine
from benchmarks.harness.question import Question, Verdict
from benchmarks.harness.race import Result
from benchmarks.harness.session import Session

__all__ = ["Record"]


class Record:
    """What a run found, as JSON.

    Args:
        path: the file; None keeps no record.
        quick: whether the run was too short to be cited.
    """

    def __init__(self, path: Path | None, quick: bool) -> None:
        self.path = path
        self.contents: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%d %H:%M"),
            "quick": quick,
            "machine": describe_machine(),
            "versions": {},
            "questions": {},
        }

    def add(
        self,
        question: Question,
        results: Sequence[Result],
        verdicts: Sequence[Verdict],
        session: Session,
    ) -> None:
        """One question's numbers; seconds, or bytes where the unit is MiB."""
        self.contents["versions"] |= session.versions
        self.contents["clock"] = session.clock
        if session.gauge and "peak" not in self.contents["machine"]:
            self.contents["machine"]["peak"] = f"{session.gauge.peak() / 1e9:.0f} GFLOP/s a core"
        self.contents["questions"][question.name] = {
            "title": question.title,
            "unit": question.unit,
            "notes": list(question.notes),
            "cases": [_as_json(result) for result in results],
            "bars": [{**each._asdict(), "passed": each.passed} for each in verdicts],
        }
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.contents, indent=1, ensure_ascii=False)
            self.path.write_text(text + "\n", encoding="utf-8")


def _as_json(result: Result) -> dict[str, Any]:
    return {
        **result._asdict(),
        "case": result.case.as_json(),
        "name": str(result.case),
        "measured": {name: each._asdict() for name, each in result.measured.items()},
    }
