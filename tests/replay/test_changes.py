"""Known changes put into recorded runs of equal models."""

from __future__ import annotations

from collections.abc import Iterable
from math import log1p

import pytest
from scipy import stats

from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.table import TrialTable
from tests.replay.inject import dealt, slowed
from tests.replay.looks import in_one_look
from tests.stats.traces import NAMES, quiet_enough, trace

DEALS = 60
"""Over all traces together, with equal numbers of each."""
GATE = Gate(
    metrics={
        "execute_ms": MetricGate(catch=0.05),
        **{name: MetricGate(gate=False) for name in ("cpu_ms_per_request", "service_mean_ms", "rss_peak_mb")},
    }
)


def _execute(table: TrialTable) -> MetricVerdict:
    return in_one_look(table, GATE)["execute_ms"]


def _least(verdicts: Iterable[Verdict], rate: float) -> float:
    """Number that are right in all but one of 1,000 tests at the given rate."""
    return float(stats.binom.ppf(1e-3, len(list(verdicts)), rate))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "verdict", "rate"), [(0.0, "pass", 0.95), (0.05, "fail", 0.95), (0.1, "fail", 0.99)]
)
def test_quiet_runs_pass_equal_models_and_catch_what_is_to_be_caught(change: float, verdict: str, rate: float) -> None:
    found = [_execute(slowed(table, change)).verdict for table in dealt(quiet_enough(), DEALS, seed=41)]
    assert found.count(Verdict(verdict)) >= _least(found, rate)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_comes_back_as_it_was_put_in(name: str) -> None:
    before, after = (_execute(each).effect for each in (trace(name).table, slowed(trace(name).table, 0.1)))
    assert after.log_change - before.log_change == pytest.approx(log1p(0.1), rel=1e-6)
