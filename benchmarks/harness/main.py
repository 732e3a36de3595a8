"""The command line of every question, alone or all together."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence

from benchmarks.harness.blocks import Clock
from benchmarks.harness.machine import describe_machine
from benchmarks.harness.picture import draw
from benchmarks.harness.process import ROOT
from benchmarks.harness.question import Question, Results
from benchmarks.harness.race import Effort, Result
from benchmarks.harness.record import Record
from benchmarks.harness.session import Session
from benchmarks.harness.table import case_lines, header, verdict_lines

__all__ = ["main"]

RECORDS = ROOT / "benchmarks" / "records"
QUICK = Effort(seconds=0.3, fewest=2, most=3, blocks=5, share=0.02)


def main(questions: Sequence[Question], doc: str | None, together: str | None = None) -> None:
    """Measure, print, and write and draw the record where asked.

    Args:
        questions: what may be asked.
        doc: what `--help` says.
        together: what a record of all of them is called, if not by their names.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [question.name for question in questions]
    if len(questions) > 1:
        parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="QUESTION")
    parser.add_argument("--cases", default="", help="a regular expression: those that match it")
    parser.add_argument("--peers", nargs="+", help="modules of benchmarks/peers that take part")
    parser.add_argument("--quick", action="store_true", help="try it out: numbers mean little")
    parser.add_argument(
        "--busy",
        action="store_true",
        help="processor time, for a machine that does other work; says nothing of two threads",
    )
    parser.add_argument(
        "--record",
        action=argparse.BooleanOptionalAction,
        help="write and draw into benchmarks/records/; by default where all was measured",
    )
    arguments = parser.parse_args()
    chosen = [each for each in questions if each.name in getattr(arguments, "only", names)]
    whole = together if len(chosen) == len(questions) else None
    named = whole or "+".join(each.name for each in chosen)
    stem = f"{named}-{time.strftime('%Y-%m-%d')}"
    all_of_it = not (arguments.quick or arguments.busy or arguments.cases or arguments.peers)
    keep = all_of_it if arguments.record is None else arguments.record
    record = Record(RECORDS / f"{stem}.json" if keep else None, arguments.quick)
    _introduce(arguments.quick)
    began = time.perf_counter()
    clock: Clock = "process_time" if arguments.busy else "perf_counter"
    with Session(QUICK if arguments.quick else None, arguments.peers, clock) as session:
        for question in chosen:
            _ask(question, re.compile(arguments.cases), session, record)
    print(f"\n{time.perf_counter() - began:.0f} s altogether.")
    if record.path:
        picture = RECORDS / f"{stem}.png"
        draw(record.contents, picture)
        print(f"Written: {record.path.name}, {picture.name} in {RECORDS.name}/")


def _introduce(quick: bool) -> None:
    for name, value in describe_machine().items():
        print(f"{name:18} {value}")
    if quick:
        print("A quick run: enough to see that everything works, not to compare.")


def _ask(question: Question, wanted: re.Pattern[str], session: Session, record: Record) -> None:
    results: list[Result] = []
    cases = [each for each in question.cases if wanted.search(str(each[0]))]
    if not cases:
        return
    print(header(question), flush=True)
    for case, peers in cases:
        results.append(session.measure(question, case, peers))
        print("\n".join(case_lines(question, results[-1])), flush=True)
    for note in [*question.notes, session.without_floors]:
        print(f"  {note}" if note else "")
    verdicts = question.judge(Results({result.case: result for result in results}))
    measured = [each for each in verdicts if each.value is not None or not wanted.pattern]
    print("\n".join(verdict_lines(measured)), flush=True)
    record.add(question, results, measured, session)
