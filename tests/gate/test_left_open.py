"""Metrics that are judged if a run can decide them (`required=False`): they can fail a run, but not delay a pass."""

from __future__ import annotations

import numpy as np
import pytest

from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.metrics import METRICS, Source
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats import build
from tests.stats.build import execute_trials, load_trials

P99 = "latency_p99_ms"
OTHERS = {"service_mean_ms": MetricGate(gate=False)}
REPLICAS = 12


def _run(server_sd: float, tail: float = 1.0, requests: int = 200) -> TrialTable:
    """Equal executions; under load servers differ by a given amount, and the candidate's slowest tenth by a factor."""
    rng = np.random.default_rng(53)

    def execution_ms(_: int, __: Arm, ___: int) -> float:
        return float(np.exp(rng.normal(0, 0.005)))

    def times_ms(arm: Arm, _: int) -> list[float]:
        times = np.exp(rng.normal(0, 0.2, requests) + rng.normal(0, server_sd))
        times[: requests // 10] *= tail if arm is Arm.CANDIDATE else 1.0
        return list(times.tolist())

    return TrialTable.of([*execute_trials(20, REPLICAS, execution_ms), *load_trials(REPLICAS, times_ms)])


def _judged(table: TrialTable, **metrics: MetricGate) -> Judgement:
    return judge(table, Gate(metrics={**OTHERS, **metrics}), {})


def _of(found: Judgement, metric: str) -> Verdict:
    return next(each.verdict for each in found.metrics if each.metric == metric)


def test_one_metric_of_the_default_gate_is_such_a_one() -> None:
    open_ones = [metric.name for metric in METRICS if metric.gated and not metric.required and not metric.warns]
    assert open_ones == [P99]


def test_a_run_passes_with_it_open_and_says_what_the_pass_does_not_cover() -> None:
    found = _judged(_run(server_sd=0.4))
    assert _of(found, P99) is Verdict.INCONCLUSIVE
    assert found.verdict is Verdict.PASS
    assert found.headline.startswith("execute_ms ")
    assert found.headline.endswith(f"; not decided: {P99}")
    assert not any(P99 in reason for reason in found.reasons)


def test_a_scenario_that_names_it_wants_it_decided() -> None:
    found = _judged(_run(server_sd=0.4), **{P99: MetricGate()})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.headline.startswith(f"{P99} ")


def test_a_run_fails_by_it() -> None:
    found = _judged(_run(server_sd=0.02, tail=2.0))
    assert found.verdict is Verdict.FAIL
    assert found.headline.startswith(f"{P99} +")
    assert "not decided" not in found.headline


def test_a_pass_that_covers_it_says_nothing_more() -> None:
    found = _judged(_run(server_sd=0.02, requests=400))
    assert (_of(found, P99), found.verdict) == (Verdict.PASS, Verdict.PASS)
    assert "not decided" not in found.headline


@pytest.mark.parametrize(
    ("named", "verdict"), [({}, Verdict.PASS), ({P99: MetricGate()}, Verdict.INCONCLUSIVE)], ids=["default", "named"]
)
def test_with_too_few_requests_it_is_missed_where_it_is_named(named: dict[str, MetricGate], verdict: Verdict) -> None:
    found = _judged(_run(server_sd=0.02, requests=20), **named)
    assert found.verdict is verdict
    assert any("needs 2,000 requests" in reason for reason in found.reasons) is bool(named)
    assert found.headline.endswith(f"; not decided: {P99}") is not bool(named)


@pytest.mark.parametrize(
    ("requests", "fraction", "failed_ms", "waits"),
    [(100, 0.25, 1.0, True), (100, 0.75, 1.0, False), (100, 0.25, build.NAN, False), (400, 0.25, 1.0, False)],
    ids=["will have enough, one failed", "will not", "one without an answer", "decided"],
)
def test_a_lane_goes_on_while_it_will_have_requests_enough(
    requests: int, fraction: float, failed_ms: float, *, waits: bool
) -> None:
    """Previously a lane ended when its other metrics were decided, without looking at a slow tail."""
    failed = build.requests([1.0, failed_ms], [0, 14])
    table = _run(server_sd=0.02, requests=requests)
    table = table.extended([build.trial(1, Arm.CANDIDATE, 0, failed, Lane.LOAD, Depth.REQUEST)])
    looking = InterimAnalysis(Gate(metrics=OTHERS), {}, (Source.EXECUTE, Source.LOAD))
    looking.look(Source.EXECUTE, 1.0, 1.0, table)
    verdicts = looking.look(Source.LOAD, fraction, 2.0, table)
    assert looking.settled(Source.LOAD, verdicts) is not waits
