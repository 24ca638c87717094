from __future__ import annotations

import pytest

from perfgate.gate.missing import has_numbers, why_missing
from perfgate.metrics import BY_NAME
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.stats.build import NAN, execute_trials, fact, load_trials

EXECUTED = TrialTable.of(execute_trials(2, 2, lambda *_: 1.0), [fact(0, Arm.BASELINE), fact(1, Arm.CANDIDATE)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("execute_ms", True),
        ("cpu_ms_per_request", False),
        ("latency_p99_ms", False),
        ("rss_peak_mb", False),
        ("load_time_s", True),
        ("error_rate", False),
        ("model_size_mb", False),
    ],
)
def test_numbers_are_there_or_not(name: str, expected: bool) -> None:
    assert has_numbers(BY_NAME[name], EXECUTED) is expected


def test_each_reason_names_its_remedy() -> None:
    assert why_missing(BY_NAME["load_time_s"], EXECUTED) == "load_time_s needs at least 2 replicas an arm with data"
    broken = TrialTable.of(execute_trials(2, 2, lambda _block, _arm, number: NAN if number else 1.0))
    assert "no block in which every replica has a positive value" in why_missing(BY_NAME["execute_ms"], broken)
    sizes = why_missing(BY_NAME["model_size_mb"], EXECUTED)
    assert sizes == "model_size_mb has no data: the models' sizes are not known"
    memory = why_missing(BY_NAME["rss_peak_mb"], EXECUTED)
    assert memory == "rss_peak_mb has no data: this platform or target did not tell"
    few = TrialTable.of(load_trials(2, lambda *_: [1.0]))
    assert "needs 2,000 answered requests" in why_missing(BY_NAME["latency_p99_ms"], few)
    unmeasured = why_missing(BY_NAME["service_p90_ms"], EXECUTED)
    assert unmeasured == "service_p90_ms has no data: give the load lane a share of the budget"
