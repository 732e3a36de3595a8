"""Floors, rounds and bars are counted right."""

import shutil
from pathlib import Path

import pytest

from benchmarks import start
from benchmarks.harness.blocks import Measured
from benchmarks.harness.case import Case
from benchmarks.harness.gauge import Gauge
from benchmarks.harness.picture import draw
from benchmarks.harness.process import PeerError, Process
from benchmarks.harness.question import Question, Results, at_least, at_most
from benchmarks.harness.race import OURS, Effort, Race, Result
from benchmarks.harness.record import Record
from benchmarks.harness.session import Session
from benchmarks.harness.table import case_lines, header, verdict_lines

TRY = Effort(seconds=0.0, fewest=2, most=2, blocks=2, share=0.001)
ONCE = TRY._replace(fewest=1, most=1)


def test_a_floor_of_many_rows_is_their_arithmetic():
    case = Case("lstm", "training", 32, 100, 128)

    # 3 products of (3200, 256) with (256, 512), two operations a multiply-add.
    assert case.floor(1e9, 1e12) == pytest.approx(3 * 2 * 3200 * 256 * 512 / 1e9)


def test_a_floor_of_one_row_is_the_reading_of_its_weights():
    step = Case("lstm", "step", 1, 1, 64)
    sequence = Case("lstm", "forward", 1, 1000, 64)

    assert step.floor(1e15, 1e9) == pytest.approx(4 * 128 * 256 / 1e9)
    assert sequence.floor(1e15, 1e9) == pytest.approx(1000 * 4 * 64 * 256 / 1e9)


@pytest.mark.parametrize(
    ("verdict", "passed"),
    [
        (at_most("a", 1.25, 1.25), True),
        (at_most("a", 1.26, 1.25), False),
        (at_least("a", 1.6, 1.6), True),
        (at_least("a", 1.59, 1.6), False),
        (at_least("a", None, 1.6), None),
        (at_least("a", float("nan"), 1.6), False),
    ],
)
def test_a_bar_is_passed_missed_or_not_measured(verdict, passed):
    assert verdict.passed is passed


def result_with(ratios):
    case = Case("lstm", "forward", 1, 2, 3)
    measured = {name: Measured(ratio, ratio, 0.1, 5) for name, ratio in ratios.items()}
    return case, Result(case, 0.5, measured, ratios, {}, {}, {"openvino_model": "not installed"})


def test_the_fastest_peer_is_none_of_ours():
    case, result = result_with({OURS: 1.0, "recurra_nn": 0.9, "jax_scan": 1.5, "torch_layer": 3.0})

    assert Results({case: result}).fastest_peer(case) == 1.5


def test_without_peers_there_is_no_fastest():
    case, result = result_with({OURS: 1.0})

    assert Results({case: result}).fastest_peer(case) is None


def test_a_race_times_every_peer_in_its_own_process():
    case = Case("gru", "forward", 2, 3, 4)
    processes = {name: Process(name, 1) for name in (OURS, "torch_layer")}
    try:
        result = Race(case, processes).run(TRY, None)
    finally:
        for process in processes.values():
            process.close()

    assert result.measured.keys() == processes.keys()
    assert result.ratios[OURS] == 1.0
    assert result.differences["torch_layer"] < 1e-5
    assert not result.absent


def test_a_peer_that_cannot_run_a_case_says_why():
    process = Process("torch_cell", 1)
    try:
        result = Race(Case("elman", "forward", 2, 3, 4), {"torch_cell": process}).run(TRY, None)
    finally:
        process.close()

    assert "no cell of torch's" in result.absent["torch_cell"]
    assert not result.measured


def test_a_process_that_has_ended_is_an_error_and_no_hang():
    process = Process("torch_layer", 1)
    process.close()

    with pytest.raises(PeerError, match="its process has ended"):
        process.build(Case("lstm", "forward", 2, 3, 4))


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no compiler")
def test_the_gauge_measures_a_peak_and_a_reading_that_a_processor_can_have():
    gauge = Gauge()
    try:
        assert 1e9 < gauge.peak() < 1e13
        assert 1e9 < gauge.reading(16 << 10) < 1e13
    finally:
        gauge.close()


def test_the_table_names_who_is_missing_and_the_record_is_drawn(tmp_path: Path):
    case, result = result_with({OURS: 1.0, "torch_layer": 3.0})
    question = Question("sequence", "Whole sequences", [(case, (OURS,))], lambda _: [], TRY)
    verdicts = [at_most("over the floor", 2.0, 1.7)]

    lines = [header(question), *case_lines(question, result), *verdict_lines(verdicts)]
    record = Record(tmp_path / "bars.json", quick=True)
    with Session() as session:
        record.add(question, [result], verdicts, session)
    draw(record.contents, tmp_path / "bars.png")

    assert any("OpenVINO" in line and "not installed" in line for line in lines)
    assert any("MISS" in line for line in lines)
    assert "torch_layer" in (tmp_path / "bars.json").read_text()
    assert (tmp_path / "bars.png").stat().st_size > 10_000


def test_a_start_is_measured_and_its_answer_compared():
    case = Case("lstm", "step", 1, 1, 4)

    seconds = start.measure(case, [OURS, "torch_cell", "nobody"], ONCE, of="seconds")
    resident = start.measure(case, [OURS], ONCE, of="resident")

    assert seconds.measured.keys() == {OURS, "torch_cell"}
    assert seconds.absent == {"nobody": "not installed"}
    assert seconds.differences["torch_cell"] < 1e-5
    assert seconds.ratios["torch_cell"] > 1
    assert 2**20 < resident.ours.median < 100 * 2**20


def test_that_check_notices_a_start_that_answers_something_else(monkeypatch):
    monkeypatch.setitem(start.PROGRAMS, OURS, start.PROGRAMS[OURS] + "\ny = y + 1")

    result = start.measure(Case("lstm", "step", 1, 1, 4), [OURS, "torch_cell"], ONCE, of="seconds")

    assert result.absent == {"torch_cell": "computes something else"}


def test_a_start_that_fails_says_why(monkeypatch):
    monkeypatch.setitem(start.PROGRAMS, OURS, "raise OSError('no such model')")

    result = start.measure(Case("lstm", "step", 1, 1, 4), [OURS], TRY, of="seconds")

    assert result.absent == {OURS: "OSError: no such model"}
