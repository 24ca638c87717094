from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from perfgate.baseline.calibration import Calibration
from perfgate.baseline.record import MetricSummary, Record
from perfgate.report.terminal.calibration_days import print_variograms, variograms
from perfgate.scenario.schema import Gate
from perfgate.stats.summary import METHOD, Typical
from perfgate.stats.variance_components import Components
from tests.baseline.conftest import record

SOURCE = "cost/execute"
GATE = Gate()


def _calibration(day: int, typical: float = 2.0) -> Calibration:
    ran = Components("execute_ms", 0.04, 0.006, source=SOURCE, typical=typical, method=METHOD)
    ungated = replace(ran, metric="pss_mb")
    created = f"2026-01-{day:02d}T00:00:00+00:00"
    return Calibration(created, "0123456789abcdef", "ranking", "sha256:aa", "sha256:ab", (ran, ungated))


def _printed(*calibrations: Calibration, records: tuple[Record, ...] = ()) -> str:
    console = Console(width=60, record=True, file=StringIO())
    print_variograms(console, variograms(calibrations[-1], calibrations[:-1], records, GATE))
    return re.sub(r"\s+", " ", console.export_text())


def test_one_calibration_says_what_is_missing() -> None:
    assert _printed(_calibration(1)) == (
        "Days: how long occasions stay correlated is not known (one occasion of each model so far); calibrate or "
        "record the same model on at least 5 days. "
    )


def test_a_few_days_show_their_differences_and_what_is_missing() -> None:
    """One pair, 10 % apart: log(1.1) / sqrt(2)."""
    said = _printed(_calibration(1), _calibration(2, 2.2))
    assert "execute_ms 12 to 36 h 6.74% 1 " in said
    assert "(2 days so far)" in said
    assert "pss_mb" not in said


def test_enough_days_show_how_long_occasions_are_correlated() -> None:
    said = _printed(*(_calibration(day, 2.0 + (day * 7 % 5) / 50) for day in range(1, 13)))
    assert "over 4 d" in said
    assert re.search(r"stay correlated for about execute_ms [\d.]+ h \(95% interval 0 h to [\d.]+ h\)", said)
    assert "from 12 days" in said


@pytest.mark.parametrize("change", [{}, {"fingerprint": "ffffffffffffffff"}, {"scenario_digest": "sha256:other"}])
def test_records_of_the_same_scenario_and_machine_count(change: dict[str, str]) -> None:
    values = Typical((1.99, 2.01), SOURCE, "cold", METHOD)
    metrics = {"execute_ms": MetricSummary(2.0, (), "", values)}
    records = tuple(
        record(created_utc=f"2026-02-0{day}T00:00:00+00:00", run_id=f"{day}", metrics=metrics, **change)
        for day in range(1, 4)
    )
    assert ("(3 days so far)" in _printed(_calibration(1), records=records)) is (not change)
