"""Recorded runs with interim looks, which end as soon as they are decided."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.verdict import Verdict
from perfgate.metrics import METRICS, Source
from perfgate.scenario.schema import Gate, MetricGate
from tests.replay.inject import dealt, slowed
from tests.replay.looks import in_looks
from tests.stats.traces import NAMES, quiet_enough

DEALS = 42
"""Over all traces together, with equal numbers of each."""
LOOKS, TAU, ALPHA = 5, 0.025, 0.01
GATE = Gate(
    metrics={
        "execute_ms": MetricGate(tolerance=TAU),
        **{each.name: MetricGate(gate=False) for each in METRICS if each.gated and each.name != "execute_ms"},
    }
)


def _ended(names: list[str], change: float, seed: int) -> list[tuple[Verdict, float]]:
    runs = (in_looks(slowed(table, change), GATE, Source.EXECUTE, LOOKS) for table in dealt(names, DEALS, seed))
    return [(verdicts["execute_ms"].verdict, fraction) for verdicts, fraction in runs]


@pytest.mark.slow
def test_many_looks_at_exactly_the_tolerance_err_no_more_often_than_one() -> None:
    found = [verdict for verdict, _ in _ended(list(NAMES), TAU, seed=71)]
    for wrong in (Verdict.FAIL, Verdict.PASS):
        assert found.count(wrong) <= stats.binom.isf(1e-4, len(found), ALPHA)


@pytest.mark.slow
@pytest.mark.parametrize(("change", "right"), [(0.0, Verdict.PASS), (0.1, Verdict.FAIL)])
def test_a_quiet_run_ends_early_and_right(change: float, right: Verdict) -> None:
    found = _ended(quiet_enough(), change, seed=72)
    assert [verdict for verdict, _ in found].count(right) >= stats.binom.ppf(1e-3, len(found), 0.95)
    # With a standard error of 0.47 % against a tolerance of 2.5 % the fourth of five looks decides most runs.
    assert np.median([fraction for _, fraction in found]) <= 0.8
