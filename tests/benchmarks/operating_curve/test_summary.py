from __future__ import annotations

from typing import Any

import pytest

from benchmarks.operating_curve.row import Outcome, Wanted
from benchmarks.operating_curve.rows import BY_NAME
from benchmarks.operating_curve.rules import TITLES
from benchmarks.operating_curve.summary import summary
from benchmarks.operating_curve.table import Rate, outcomes, standing


def _effect(verdict: str, log_change: float = 0.0, log_se: float = 0.003) -> dict[str, Any]:
    return {"verdict": verdict, "change": log_change, "log_change": log_change, "log_se": log_se, "df": 20.0}


def _line(row: str, verdict: str, wall_s: float = 40.0, **more: Any) -> dict[str, Any]:
    effects = {"execute_ms": _effect(verdict)} if verdict != "none" else {}
    return {"row": row, "run": 1, "verdict": verdict, "wall_s": wall_s, "effects": effects} | more


def _cells(text: str, title: str, table: int) -> list[str]:
    part = text.split("## ")[table]
    line = next(line for line in part.splitlines() if line.startswith(f"| {title} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_found_is_found_in_time() -> None:
    row = BY_NAME["plus_10"]
    assert Outcome.FOUND in outcomes(_line("plus_10", "fail", 29.0), row)
    assert Outcome.FOUND not in outcomes(_line("plus_10", "fail", 31.0), row)
    assert Outcome.FOUND not in outcomes(_line("plus_10", "inconclusive", 29.0), row)


@pytest.mark.parametrize(
    ("own", "other", "wanted"),
    [("fail", "pass", True), ("fail", "inconclusive", False), ("fail", "fail", False), ("pass", "fail", False)],
)
def test_alone_is_the_rows_metric_and_no_other(own: str, other: str, wanted: bool) -> None:
    effects = {"load_time_s": _effect(own), "execute_ms": _effect(other)}
    assert (Outcome.ALONE in outcomes(_line("slow_load", "fail", effects=effects), BY_NAME["slow_load"])) is wanted


def test_a_broken_objective_is_not_alone() -> None:
    line = _line("slow_load", "fail", effects={"load_time_s": _effect("fail")}, objectives={"error_rate": "fail"})
    assert Outcome.ALONE not in outcomes(line, BY_NAME["slow_load"])


def test_a_crash_is_no_outcome() -> None:
    assert outcomes(_line("same", "none"), BY_NAME["same"]) == frozenset()


def test_rates_have_exact_intervals() -> None:
    # Clopper and Pearson: of 40 runs none, 1 - 0.025 ** (1 / 40) = 8.8 %; of 20 all, 0.025 ** (1 / 20) = 83.2 %
    assert str(Rate(0, 40)) == "0 of 40 (0.0 to 8.8 %)"
    assert str(Rate(20, 20)) == "20 of 20 (83.2 to 100.0 %)"


@pytest.mark.parametrize(
    ("count", "runs", "wanted", "says"),
    [
        (0, 400, Wanted(Outcome.FAIL, at_most=0.01), "met"),
        (0, 40, Wanted(Outcome.FAIL, at_most=0.01), "too few runs to say, met so far"),
        (1, 40, Wanted(Outcome.FAIL, at_most=0.01), "too few runs to say, not met so far"),
        (10, 40, Wanted(Outcome.FAIL, at_most=0.01), "not met"),
        (20, 20, Wanted(Outcome.FOUND, at_least=0.95), "too few runs to say, met so far"),
        (10, 20, Wanted(Outcome.FOUND, at_least=0.95), "not met"),
        (0, 0, Wanted(Outcome.FOUND, at_least=0.95), "no runs yet"),
    ],
)
def test_a_bound_is_met_or_not_met_or_undecided(count: int, runs: int, wanted: Wanted, says: str) -> None:
    assert standing(Rate(count, runs), wanted) == says


def test_equal_rows_are_counted_together_by_family_and_in_all() -> None:
    lines = [
        _line("same", "pass"),
        _line("again", "fail"),
        _line("ranker_weights", "none"),
        _line("background", "fail"),
    ]
    text = summary(lines)
    counts = {title: _cells(text, f"**{title}**", 1)[1:4] for title in ("recurrent: all equal", "ranker: all equal")}
    assert counts == {
        "recurrent: all equal": ["2", "1 of 2 (1.3 to 98.7 %)", "1 of 2 (1.3 to 98.7 %)"],
        "ranker: all equal": ["1", "0", "0"],
    }
    assert _cells(text, "**all equal, four families**", 1)[1:4] == ["3", *["1 of 3 (0.8 to 90.6 %)"] * 2]
    assert "transformer: all equal" not in text


def test_the_intervals_of_exported_again_and_renamed_are_counted_over_the_families() -> None:
    near, far = {"execute_ms": _effect("pass", 0.005)}, {"execute_ms": _effect("pass", 0.02)}
    lines = [
        _line("again", "pass", effects=near),
        _line("transformer_renamed", "pass", effects=far),
        _line("ranker_again", "none"),
        _line("weights", "pass", effects=far),
    ]
    cells = _cells(summary(lines), "**exported again or renamed, four families**", 1)
    assert cells[1] == "3"
    assert cells[7:9] == ["interval covers ≥ 90%", "1 of 3 (0.8 to 90.6 %)"]


def test_wall_times_are_median_ninth_decile_and_most() -> None:
    lines = [_line("same", "pass", wall_s) for wall_s in range(10, 21)]
    assert _cells(summary(lines), "recurrent: the same model twice", 1)[-1] == "15, 19, 20"


def test_half_of_the_verdicts_without_a_neighbour_are_to_come_in_time() -> None:
    lines = [_line("quiet", "pass", 19.0), _line("ranker_quiet", "pass", 21.0), _line("ranker_quiet", "fail", 9.0)]
    text = summary(lines)
    part = text.split("## ")[1].splitlines()
    at = next(n for n, line in enumerate(part) if line.startswith("| **no change, no neighbour, four families** "))
    assert "| fail ≤ 1% | 1 of 3" in part[at]
    assert "| passed ≥ 50% within 20 s | 1 of 3" in part[at + 1]


@pytest.mark.parametrize("metric", ["execute_ms", "cpu_ms_per_request", "cpu_mean_ms_per_request", "service_mean_ms"])
def test_any_mean_may_find_slow_payloads(metric: str) -> None:
    row = BY_NAME["two_of_16"]
    found, other = {metric: _effect("fail")}, {"rss_peak_mb": _effect("fail")}
    assert Outcome.METRIC_FAILS in outcomes(_line("two_of_16", "fail", effects=found), row)
    assert Outcome.METRIC_FAILS not in outcomes(_line("two_of_16", "fail", effects=other), row)
    assert Outcome.METRIC_FAILS not in outcomes(_line("two_of_16", "inconclusive", effects=found), row)


def test_a_slow_request_in_60_is_named_by_the_99th_percentile_alone() -> None:
    row = BY_NAME["one_in_60"]
    named, mean = {"latency_p99_ms": _effect("fail")}, {"service_mean_ms": _effect("fail")}
    assert Outcome.METRIC_FAILS in outcomes(_line("one_in_60", "fail", effects=named), row)
    assert Outcome.METRIC_FAILS not in outcomes(_line("one_in_60", "fail", effects=mean), row)


def test_the_share_of_intervals_that_cover_the_truth() -> None:
    effects = [{"execute_ms": _effect("pass", change)} for change in (0.0, 0.005, 0.02)]  # half-width 2.09 x 0.3 %
    text = summary([_line("same", "pass", effects=each) for each in effects])
    assert _cells(text, "recurrent: the same model twice", 2)[2:] == [
        "+0.0%", "+0.83%", "1.04%", "2 of 3 (9.4 to 99.2 %)",
    ]  # fmt: skip


def test_a_leak_is_shown_in_its_unit() -> None:
    text = summary([_line("leak", "fail", effects={"rss_growth_mb_per_1k": _effect("fail", 1.04)})])
    assert _cells(text, "leak of 1 KiB per request", 2)[3] == "+1.04 MiB/1k requests"


def test_other_rules_are_counted_where_they_are_wrong() -> None:
    quiet, loud = dict.fromkeys(TITLES, False), dict.fromkeys(TITLES, True)
    lines = [
        _line("same", "pass", rules=loud),
        _line("same", "pass", rules=quiet),
        _line("plus_5", "fail", rules=quiet),
        _line("plus_5", "inconclusive", rules=loud),
        _line("leak", "fail", rules=loud),
    ]
    text = summary(lines)
    alarms, misses = _cells(text, "recurrent: the same model twice", 3), _cells(text, "recurrent: +5 %", 3)
    assert [cell.split(" (")[0] for cell in alarms[1:]] == ["alarm", "0 of 2", *["1 of 2"] * 5]
    assert [cell.split(" (")[0] for cell in misses[1:]] == ["no alarm", "1 of 2", *["1 of 2"] * 5]
    assert "leak" not in text.split("## ")[3]
