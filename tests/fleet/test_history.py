"""Since when a gate is what it is, and a history that a killed process left incomplete."""

from __future__ import annotations

from pathlib import Path

from perfgate.fleet.answer import GateAnswer, MetricMove
from perfgate.fleet.history import FILE_NAME, Entry, append_history, entry_of, read_history, since
from perfgate.gate.verdict import Verdict


def gate(verdict: Verdict = Verdict.FAIL, *changes: float, name: str = "ranker--bursty") -> GateAnswer:
    moves = tuple(
        MetricMove(
            metric=f"metric_{place}", change=change, lower=change - 0.01, upper=change + 0.01, tolerance=0.05,
            verdict=verdict, moved=True, worse_by=change / 0.05, worse_lower=0.0, worse_upper=1.0,
        )
        for place, change in enumerate(changes)
    )  # fmt: skip
    return GateAnswer(name, "ranker", "models/ranker", "bursty", "prod", "", 0, verdict, "", moves, ())


def entries(*found: tuple[str, GateAnswer]) -> list[Entry]:
    return [entry_of(each, utc) for utc, each in found]


def test_since_is_the_first_of_an_unbroken_series() -> None:
    slow, fine = gate(Verdict.FAIL, 0.1), gate(Verdict.PASS)
    series = entries(("1", slow), ("2", fine), ("3", slow), ("4", gate(Verdict.FAIL, 0.2)))
    assert since(series, slow) == "3"
    assert since(series, gate(Verdict.FAIL, -0.1)) == "", "in the other direction it has not moved yet"
    assert since(series, gate(Verdict.FAIL, 0.1, 0.1)) == "", "nor has a second metric"


def test_other_gates_and_gates_that_did_not_move_have_no_beginning() -> None:
    series = entries(("1", gate(Verdict.FAIL, 0.1)))
    assert since(series, gate(Verdict.FAIL, 0.1, name="other")) == ""
    assert since(series, gate(Verdict.FAIL)) == ""
    assert since([], gate(Verdict.FAIL, 0.1)) == ""


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    first, second = entries(("1", gate(Verdict.FAIL, 0.1)), ("2", gate(Verdict.PASS)))
    append_history(tmp_path, [first])
    append_history(tmp_path, [second])
    append_history(tmp_path, [])
    assert [each.utc for each in read_history(tmp_path)] == ["1", "2"]
    assert tuple(read_history(tmp_path)[0].moved["metric_0"]) == (0.1, 0.09000000000000001, 0.11)


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    (one,) = entries(("1", gate(Verdict.FAIL, 0.1)))
    append_history(tmp_path, [one])
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"utc": "2", "gate_')
    append_history(tmp_path, [one])
    assert [each.utc for each in read_history(tmp_path)] == ["1", "1"]


def test_without_a_file_there_is_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path) == ()
