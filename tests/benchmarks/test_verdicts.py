from __future__ import annotations

from benchmarks.verdicts.table import summary, table


def _row(run: int, verdict: str, change: float) -> dict[str, object]:
    effects = {"execute_ms": [change, change - 0.01, change + 0.01, verdict]}
    return {"run": run, "verdict": verdict, "exit": 0, "wall_s": 61.2, "effects": effects}


def test_a_row_is_a_line() -> None:
    lines = table([_row(1, "pass", 0.002), _row(2, "fail", 0.2)]).splitlines()
    assert lines[0] == "| run | verdict | exit | wall, s | execute_ms |"
    assert lines[2] == "| 1 | PASS | 0 | 61 | +0.2% [-0.8%, +1.2%] pass |"
    assert len(lines) == 4


def test_rates_come_with_exact_intervals() -> None:
    text = summary([_row(run, "pass", 0.001 * run) for run in range(10)])
    # Clopper and Pearson: with 10 of 10 the lower bound of 95 % is 0.025 ** (1 / 10) = 69 %
    assert "10 PASS (100%; 95 % interval 69% to 100%)" in text
    assert "execute_ms: mean +0.45%" in text


def test_a_run_without_a_result_is_a_row_too() -> None:
    crashed = {"run": 1, "verdict": "none", "exit": 1, "wall_s": 2.0, "effects": {}}
    assert "| 2 | PASS" in table([crashed, _row(2, "pass", 0.0)])
    assert "1 NONE" in summary([crashed, _row(2, "pass", 0.0)])
