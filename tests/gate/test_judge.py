from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perfgate.gate.judge import judge
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.scenario.schema import Gate, MetricGate, Objective
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import execute_trials, load_trials, requests, trial
from tests.stats.generator import World, table

NO_OBJECTIVES: dict[str, Objective] = {}


def _run(effect: float, seed: int = 1) -> TrialTable:
    return table(World(), effect, np.random.default_rng(seed))


def test_equal_models_pass() -> None:
    found = judge(_run(0.0), Gate(), NO_OBJECTIVES)
    assert found.verdict is Verdict.PASS
    assert found.headline.startswith("execute_ms ")
    assert found.headline.endswith("] <= 2.5%")
    assert [(m.metric, m.gated) for m in found.metrics] == [
        ("execute_ms", True), ("load_time_s", False), ("first_request_ms", False),
        ("cold_start_s", False), ("warmup_s", False), ("warmup_requests", False), ("error_rate", False),
        ("model_size_mb", False),
    ]  # fmt: skip


def test_a_slower_model_fails() -> None:
    found = judge(_run(0.2), Gate(), NO_OBJECTIVES)
    assert found.verdict is Verdict.FAIL
    assert found.headline.startswith("execute_ms +")
    assert found.headline.endswith("] > 2.5%")
    assert found.reasons == (f"execute_ms {found.metrics[0].reason}",)


def test_a_change_of_the_tolerance_is_left_open() -> None:
    found = judge(_run(0.025), Gate(), NO_OBJECTIVES)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "is on both sides of the tolerance of 2.5%" in found.headline
    assert found.metrics[0].more


def test_a_metric_that_is_not_gated_never_fails_the_run() -> None:
    loose = Gate(metrics={"execute_ms": MetricGate(gate=False), "load_time_s": MetricGate(catch=0.5)})
    found = judge(_run(0.2), loose, NO_OBJECTIVES)
    assert found.verdict is Verdict.PASS
    assert found.metrics[0].verdict is Verdict.FAIL


@pytest.mark.parametrize("failing", list(Arm))
def test_failing_requests_make_a_run_invalid_before_anything_else(failing: Arm) -> None:
    slow = execute_trials(5, 3, lambda _block, arm, _: 9.0 if arm is Arm.CANDIDATE else 1.0)
    broken = trial(0, failing, 9, requests([1.0] * 100, [14] * 2 + [0] * 98), Lane.LOAD, Depth.REQUEST)
    found = judge(TrialTable.of([*slow, broken]), Gate(), NO_OBJECTIVES)
    assert found.verdict is Verdict.INVALID
    assert found.headline == f"{failing}: 2% of 100 requests failed with UNAVAILABLE (load/request; limit 1%)"


def test_times_of_servers_that_still_paid_for_first_calls_are_not_judged() -> None:
    run = _run(0.2)
    cold = replace(run, replicas=tuple(replace(fact, cold_requests=7) for fact in run.replicas))
    bound = {"execute_ms": Objective(max=0.001)}
    assert judge(run, Gate(), bound).verdict is Verdict.FAIL
    found = judge(cold, Gate(), bound)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert {metric.verdict for metric in found.metrics if metric.metric == "execute_ms"} == {Verdict.INCONCLUSIVE}
    assert all("24 of 24 servers were still slowed by first calls" in reason for reason in found.reasons)


def test_an_objective_on_the_error_rate_allows_more() -> None:
    calm = load_trials(3, lambda _, number: [1.0 + number / 1000] * 1000)
    status = [14] * 20 + [0] * 980
    flaky = [
        trial(0, t.arm, t.replica, requests(t.requests.service_ms.tolist(), status), Lane.LOAD, Depth.REQUEST)
        for t in calm
    ]
    assert judge(TrialTable.of(calm + flaky), Gate(), NO_OBJECTIVES).verdict is Verdict.PASS  # 1.0 %, still allowed
    assert judge(TrialTable.of(flaky), Gate(), NO_OBJECTIVES).verdict is Verdict.INVALID
    found = judge(TrialTable.of(flaky), Gate(), {"error_rate": Objective(max=0.2)})
    assert found.verdict is Verdict.PASS
    assert found.objectives[0].value == 0.02


def test_a_broken_objective_fails_what_the_comparison_passes() -> None:
    found = judge(_run(0.0), Gate(), {"execute_ms": Objective(max=0.5)})
    assert found.verdict is Verdict.FAIL
    assert found.headline.endswith(" ms > 0.5 ms")


def test_an_undecided_objective_leaves_the_run_open() -> None:
    loaded = load_trials(4, lambda *_: [1.0] * 100)
    found = judge(TrialTable.of(loaded), Gate(), {"latency_p99_ms": Objective(max=20)})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "needs about 1,349 more requests, 1,749 in total" in " ".join(found.reasons)


def test_without_a_baseline_only_objectives_are_judged() -> None:
    rows = [t for t in execute_trials(5, 3, lambda _b, _a, n: 1.0 + n / 1000) if t.arm is Arm.CANDIDATE]
    alone = TrialTable.of(rows)
    held = judge(alone, Gate(), {"execute_ms": Objective(max=2.0)})
    assert (held.verdict, held.metrics) == (Verdict.PASS, ())
    assert held.headline == "execute_ms 1.00 ms <= 2 ms"
    nothing = judge(alone, Gate(), NO_OBJECTIVES)
    assert nothing.verdict is Verdict.INCONCLUSIVE
    assert nothing.headline.startswith("nothing to judge")


def test_an_empty_run_has_nothing_to_judge() -> None:
    assert judge(TrialTable.of([]), Gate(), NO_OBJECTIVES).verdict is Verdict.INCONCLUSIVE


def _explicit(name: str, rows: TrialTable) -> Judgement:
    return judge(rows, Gate(metrics={name: MetricGate()}), NO_OBJECTIVES)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("latency_p99_ms", "latency_p99_ms has no data: give the load lane a share of the budget"),
        ("rss_growth_mb_per_1k", "rss_growth_mb_per_1k has no data: not available on this platform or target"),
    ],
)
def test_a_metric_asked_for_by_name_must_have_data(name: str, reason: str) -> None:
    found = _explicit(name, _run(0.0))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons == (reason,)


def test_a_percentile_asked_for_by_name_says_how_many_requests_it_needs() -> None:
    found = _explicit("latency_p99_ms", TrialTable.of(load_trials(2, lambda *_: [1.0] * 100)))
    assert "needs 2,000 requests per arm, has 200: use about 10 times the load time" in " ".join(found.reasons)


def test_a_default_metric_that_was_measured_but_cannot_be_judged_is_no_pass() -> None:
    execute = execute_trials(5, 1, lambda *_: 1.0)
    cpu = [trial(0, t.arm, t.replica, t.requests, t.lane, t.depth, 10.0) for t in load_trials(2, lambda *_: [1.0] * 5)]
    found = judge(TrialTable.of(execute + cpu), Gate(), NO_OBJECTIVES)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "execute_ms needs at least 2 replicas with data per arm" in found.reasons


def _failing(of_baseline: int, of_candidate: int) -> TrialTable:
    """Failures in each 250 requests."""
    calm = load_trials(4, lambda _, number: [1.0 + number / 1000] * 250)
    failed = {Arm.BASELINE: of_baseline, Arm.CANDIDATE: of_candidate}
    rows = []
    for t in calm:
        status = 20 * ([14] * failed[t.arm] + [0] * (250 - failed[t.arm]))
        times_ms = 20 * t.requests.service_ms.tolist()
        rows.append(trial(0, t.arm, t.replica, requests(times_ms, status), Lane.LOAD, Depth.REQUEST))
    return TrialTable.of(rows)


def test_an_error_rate_that_is_gated_fails_the_candidate_not_the_run() -> None:
    gated = Gate(metrics={"error_rate": MetricGate()})
    assert judge(_failing(0, 20), Gate(), NO_OBJECTIVES).verdict is Verdict.INVALID
    found = judge(_failing(0, 20), gated, NO_OBJECTIVES)
    assert found.verdict is Verdict.FAIL
    assert found.headline.startswith("error_rate +8 [")
    assert found.headline.endswith("] > 1 pp")
    assert judge(_failing(20, 20), gated, NO_OBJECTIVES).verdict is Verdict.INVALID
    assert judge(_failing(0, 0), gated, NO_OBJECTIVES).verdict is Verdict.PASS


def test_what_is_open_says_how_long_it_would_take() -> None:
    found = judge(_run(0.02, seed=1), Gate(), NO_OBJECTIVES, measure_s=45.0)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert " the measuring time (--budget " in found.reasons[0]
