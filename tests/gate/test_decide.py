from __future__ import annotations

from math import expm1, log1p

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.decide import decide, holm
from perfgate.gate.remedy import minimum_detectable_effect, times_longer
from perfgate.gate.verdict import Verdict
from perfgate.metrics import METRICS
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.scenario.severity import Severity
from tests.gate.effects import case, effect

CATCH = Gate(metrics={"throughput_rps": MetricGate(tolerance=0.25)})


@pytest.mark.parametrize(
    ("change", "se", "expected"),
    [
        (0.20, 0.004, Verdict.FAIL),
        (0.003, 0.004, Verdict.PASS),
        (-0.20, 0.004, Verdict.PASS),
        (0.025, 0.004, Verdict.INCONCLUSIVE),
        (0.0, 0.02, Verdict.INCONCLUSIVE),
    ],
)
def test_the_interval_against_the_tolerance_decides(change: float, se: float, expected: Verdict) -> None:
    (found,) = decide([case("execute_ms", change, se)], 0.01)
    assert found.verdict is expected
    assert bool(found.more) == (expected is Verdict.INCONCLUSIVE)
    assert found.tolerance == 0.025


def test_the_bounds_are_those_of_the_effect() -> None:
    just = effect("execute_ms", 0.02, 0.004)
    assert (just.upper <= 0.025) == (decide([case("execute_ms", 0.02, 0.004)], 0.01)[0].verdict is Verdict.PASS)
    wide = effect("execute_ms", 0.04, 0.004)
    assert (wide.lower > 0.025) == (decide([case("execute_ms", 0.04, 0.004)], 0.01)[0].verdict is Verdict.FAIL)


@pytest.mark.parametrize(("change", "expected"), [(-0.4, Verdict.FAIL), (-0.1, Verdict.PASS), (0.5, Verdict.PASS)])
def test_where_higher_is_better_a_decrease_is_the_regression(change: float, expected: Verdict) -> None:
    (found,) = decide([case("throughput_rps", change, 0.01, gate=CATCH)], 0.01)
    assert found.verdict is expected


@pytest.mark.parametrize(
    ("p_values", "worse"),
    [
        ([0.004, 0.0001, 0.006, 0.5], {1}),
        ([0.003, 0.0001, 0.004, 0.5], {0, 1, 2}),
        ([0.0049, 0.0001], {0, 1}),
        ([], set()),
    ],
)
def test_holm_steps_down(p_values: list[float], worse: set[int]) -> None:
    cases = [
        case(metric.name, expm1(log1p(metric.catch / 2) + 0.004 * float(stats.t.isf(p, 22))), 0.004, baseline=1e9)
        for p, metric in zip(p_values, METRICS, strict=False)
    ]
    assert holm(cases, 0.01, len(cases)) == {METRICS[number].name for number in worse}


def test_a_regression_alone_among_many_gated_metrics_must_be_surer() -> None:
    barely = expm1(log1p(0.025) + 0.004 * float(stats.t.isf(0.008, 22)))
    (alone,) = decide([case("execute_ms", barely, 0.004)], 0.01)
    among, *_ = decide([case("execute_ms", barely, 0.004), case("cpu_ms_per_request", 0.0, 0.004)], 0.01)
    beside, *_ = decide([case("execute_ms", barely, 0.004), case("pss_mb", 0.0, 0.004, severity=Severity.OFF)], 0.01)
    assert (alone.verdict, among.verdict, beside.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.FAIL)
    assert "not significantly so with everything gated taken together" in among.reason
    assert among.more.startswith("about 1.5 times")


def test_objectives_share_the_level_of_a_failure_and_nothing_else() -> None:
    """Otherwise a gate of one metric and nine objectives would raise a false alarm in up to 10 % of runs."""
    barely = expm1(log1p(0.025) + 0.004 * float(stats.t.isf(0.008, 22)))
    within = expm1(log1p(0.025) - 0.004 * float(stats.t.isf(0.008, 22)))
    error, warn = ([each] * 9 for each in (Severity.ERROR, Severity.WARN))
    found = [decide([case("execute_ms", barely, 0.004)], 0.01, objectives=others)[0] for others in ([], error, warn)]
    assert [each.verdict for each in found] == [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.FAIL]
    assert [each.level for each in found] == pytest.approx([0.01, 0.001, 0.01])
    assert decide([case("execute_ms", within, 0.004)], 0.01, objectives=error)[0].verdict is Verdict.PASS


def test_more_time_shrinks_the_interval_as_its_root() -> None:
    (found,) = decide([case("execute_ms", 0.0, 0.017)], 0.01)
    half = 0.017 * float(stats.t.isf(0.01, 22))
    assert (half / log1p(0.025)) ** 2 == pytest.approx(2.98, abs=0.01)
    assert found.more == "about 3 times the measuring time"
    assert [times_longer(times) for times in (1.01, 1.6, 4.9, 7.2)] == [
        f"about {text} times the measuring time" for text in ("1.5", "2", "5", "7.5")
    ]


@pytest.mark.parametrize("change", [0.025, 0.0249])
def test_at_the_tolerance_no_time_would_decide(change: float) -> None:
    (found,) = decide([case("execute_ms", change, 0.01, replicas=12)], 0.01)
    assert found.more.startswith("too close to the tolerance")


def test_the_detectable_regression_fails_four_times_in_five() -> None:
    one = case("execute_ms", 0.0, 0.006)
    shift = (log1p(minimum_detectable_effect(one, 0.01)) - one.tolerance.log) / 0.006
    assert stats.nct.sf(stats.t.isf(0.01, 22), 22, shift) == pytest.approx(0.8, abs=0.02)


def test_a_known_size_needs_no_interval() -> None:
    (grown,) = decide([case("model_size_mb", 0.5, 0.0)], 0.01)
    (same,) = decide([case("model_size_mb", 0.0, 0.0)], 0.01)
    assert (grown.verdict, same.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert grown.detectable == pytest.approx(grown.tolerance)


def test_reasons_say_which_side_and_why_the_tolerance_is_wide() -> None:
    failed, passed, open_ = decide(
        [case("execute_ms", 0.2, 0.004), case("pss_mb", 0.0, 0.001), case("cpu_ms_per_request", 0.02, 0.01)], 0.01
    )
    assert failed.reason == "+20.0% is above the tolerance of 2.5%"
    assert passed.reason == "+0.0% is within the tolerance of 10%"
    assert open_.reason == "+2.0% [-0.5, +4.6] is on both sides of the tolerance of 2.5%"
    (memory,) = decide([case("rss_peak_mb", 0.01, 0.001)], 0.01)
    assert memory.reason == "+1.0% is within the tolerance of 8% (tolerance widened from 5% to 8 MiB)"


def test_every_detectable_change_is_finite() -> None:
    assert np.isfinite(minimum_detectable_effect(case("execute_ms", 0.0, 280.0), 0.01))
