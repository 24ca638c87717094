"""Since when a gate is what it is, and a history that a killed process left incomplete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perfgate.fleet.answer import GateAnswer, Measurement, MetricMove
from perfgate.fleet.history import FILE_NAME, Entry, append_history, entry_of, missing, read_history, since
from perfgate.gate.verdict import Verdict


def gate(verdict: Verdict = Verdict.FAIL, *changes: float, name: str = "ranker--bursty") -> GateAnswer:
    moves = tuple(
        MetricMove(
            metric=f"metric_{place}", change=change, lower=change - 0.01, upper=change + 0.01, tolerance=0.05,
            verdict=verdict, moved=True, worse_by=change / 0.05, worse_lower=0.0, worse_upper=1.0,
        )
        for place, change in enumerate(changes)
    )  # fmt: skip
    measured = Measurement(1, "gates/x/1", 60.0, "node", (0, 1), "8", "9", 1, kept=False)
    return GateAnswer(name, "ranker", "models/ranker", "bursty", "prod", "", 0, verdict, "", moves, (measured,))


def entries(*found: tuple[str, GateAnswer]) -> list[Entry]:
    return [entry_of(each, utc) for utc, each in found]


def test_since_is_the_first_of_an_unbroken_series() -> None:
    slow, fine = gate(Verdict.FAIL, 0.1), gate(Verdict.PASS)
    series = entries(("1", slow), ("2", fine), ("3", slow), ("4", gate(Verdict.FAIL, 0.2)))
    assert since(series, slow) == "3"
    assert since(series[:2], slow) == "9", "it begins with this measurement, which the history may not have yet"
    assert since(series, gate(Verdict.FAIL, -0.1)) == "9", "in the other direction it has not moved before"
    assert since(series, gate(Verdict.FAIL, 0.1, 0.1)) == "9", "nor had a second metric"


def test_what_the_history_says_of_this_very_measurement_does_not_count() -> None:
    """Its verdict may be another one now, because gates were added to the fleet."""
    slow = gate(Verdict.FAIL, 0.1)
    assert since(entries(("1", slow), ("9", gate(Verdict.INCONCLUSIVE, 0.1))), slow) == "1"


def test_other_gates_and_gates_that_did_not_move_have_no_beginning() -> None:
    series = entries(("1", gate(Verdict.FAIL, 0.1)))
    assert since(series, gate(Verdict.FAIL, 0.1, name="other")) == "9"
    assert since(series, gate(Verdict.FAIL)) == ""
    assert since(series, replace(gate(Verdict.FAIL, 0.1), measurements=())) == ""


def test_measurements_of_a_call_that_was_killed_are_added_by_the_next(tmp_path: Path) -> None:
    gates = [
        gate(Verdict.FAIL, 0.1),
        gate(Verdict.PASS, name="other"),
        replace(gate(name="unmeasured"), measurements=()),
    ]
    append_history(tmp_path, missing(read_history(tmp_path), gates[:1]))
    append_history(tmp_path, missing(read_history(tmp_path), gates))
    append_history(tmp_path, missing(read_history(tmp_path), gates))
    assert [(each.gate_id, each.utc) for each in read_history(tmp_path)] == [("ranker--bursty", "9"), ("other", "9")]


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
