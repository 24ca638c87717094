"""A share of the candidate's requests under load takes far longer, in recorded runs with enough requests to see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.estimate import estimate
from tests.replay.inject import dealt, with_longer_tail
from tests.replay.looks import in_one_look
from tests.stats.traces import NAMES, trace

DEALS = 20
GATE = Gate(metrics={"latency_p50_ms": MetricGate(catch=0.2), "latency_p99_ms": MetricGate(catch=0.3)})
DEEP = {
    name: effect
    for name in NAMES
    if (effect := estimate(BY_NAME["latency_p99_ms"], trace(name).table, 0.01)) is not None
}
"""Traces with 2,000 requests of each server, which support a 99th percentile."""
QUIET = [name for name, effect in DEEP.items() if effect.log_se < 0.05]
"""Traces whose tail one request in a hundred can lengthen; a busy run already has as many long ones."""


def _verdicts(names: Sequence[str], share: float, times: float) -> dict[str, list[Verdict]]:
    rng = np.random.default_rng(51)
    tables = (with_longer_tail(table, share, times, rng) for table in dealt(names, DEALS, seed=52))
    runs = [in_one_look(table, GATE) for table in tables]
    return {name: [run[name].verdict for run in runs] for name in ("latency_p50_ms", "latency_p99_ms")}


def _most(verdicts: Sequence[Verdict]) -> float:
    return float(stats.binom.isf(1e-3, len(verdicts), 0.01))


def _least(verdicts: Sequence[Verdict]) -> float:
    return float(stats.binom.ppf(1e-3, len(verdicts), 0.95))


@pytest.mark.slow
def test_one_request_in_twenty_ten_times_as_long_fails_by_the_99th_percentile_alone() -> None:
    found = _verdicts(list(DEEP), share=0.05, times=10)
    assert found["latency_p99_ms"].count(Verdict.FAIL) >= _least(found["latency_p99_ms"])
    assert found["latency_p50_ms"].count(Verdict.FAIL) <= _most(found["latency_p50_ms"])


@pytest.mark.slow
@pytest.mark.skipif(not QUIET, reason="no recorded run has a 99th percentile with a standard error below 5 %")
def test_one_request_in_a_hundred_five_times_as_long_fails_in_a_quiet_run() -> None:
    found = _verdicts(QUIET, share=0.01, times=5)
    assert found["latency_p99_ms"].count(Verdict.FAIL) >= _least(found["latency_p99_ms"])
    assert found["latency_p50_ms"].count(Verdict.FAIL) <= _most(found["latency_p50_ms"])


@pytest.mark.slow
def test_the_tails_of_equal_models_do_not_fail() -> None:
    found = _verdicts(list(DEEP), share=0.0, times=1)
    assert max(each.count(Verdict.FAIL) for each in found.values()) <= _most(found["latency_p99_ms"])
