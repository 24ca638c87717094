"""Attribution of a change: reported if an interval excludes 0, and not otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perfgate.gate.verdict import MetricVerdict
from perfgate.report.attribution import causes, stage_contrasts
from perfgate.results.result import ModelFacts, Result, TrialColumns
from perfgate.trials import Arm, Caution
from tests.report import example
from tests.report.kinds import KINDS


def _with(result: Result, **bounds: tuple[float, float, float]) -> Result:
    """Put change, lower and upper of some metrics into a result."""
    assert result.judgement

    def changed(verdict: MetricVerdict) -> MetricVerdict:
        if verdict.metric not in bounds:
            return verdict
        change, lower, upper = bounds[verdict.metric]
        return replace(verdict, effect=replace(verdict.effect, change=change, lower=lower, upper=upper))

    metrics = tuple(changed(verdict) for verdict in result.judgement.metrics)
    return replace(result, judgement=replace(result.judgement, metrics=metrics))


def _same_files(result: Result) -> Result:
    return replace(result, models=dict.fromkeys(result.models, result.models[Arm.CANDIDATE]))


def _loaded(slower_ms: float, *, servers: int = 6, noise_ms: float = 0.02) -> Result:
    """Build the load lane of several servers an arm that differ only in their executions."""
    rng = np.random.default_rng(3)
    sides = [(arm, replica) for arm in Arm for replica in range(servers)] * 2
    count = len(sides)
    queue, encode, rest = (np.full(count, each) + rng.normal(0, noise_ms, count) for each in (0.4, 0.1, 0.6))
    execute = np.array([2.0 + slower_ms * (arm is Arm.CANDIDATE) for arm, _ in sides]) + rng.normal(0, noise_ms, count)
    trials = TrialColumns(
        lane=("load",) * count,
        depth=("request",) * count,
        block=(0,) * count,
        arm=tuple(arm.value for arm, _ in sides),
        replica=tuple(replica for _, replica in sides),
        start_s=tuple(np.arange(count, dtype=float).tolist()),
        wall_s=(1.0,) * count,
        requests=(100,) * count,
        errors=(0,) * count,
        service_mean_ms=tuple((queue + execute + encode + rest).tolist()),
        queue_ms=tuple(queue.tolist()),
        execute_ms=tuple(execute.tolist()),
        encode_ms=tuple(encode.tolist()),
    )
    return replace(_same_files(example.passing()), trials=trials)


def test_executions_that_take_more_cpu_time_compute_more() -> None:
    (words, _) = causes(_with(example.failing(), cpu_ms_per_request=(0.13, 0.12, 0.14)))
    assert words == (
        "One execution takes longer, +12.4% [+11.5, +13.3], and more CPU time, +13.0% [+12.0, +14.0]: "
        "the model computes more."
    )


def test_executions_that_take_longer_on_the_same_cpu_time_wait() -> None:
    words = causes(_with(example.failing(), cpu_ms_per_request=(0.001, -0.01, 0.012)))[0]
    assert words.endswith(
        "and its CPU time did not grow as much, +0.1% [-1.0, +1.2]: the extra time is spent waiting, not computing."
    )


def test_executions_are_mentioned_only_if_cpu_time_does_not_explain_the_change() -> None:
    words = causes(_with(example.failing(), cpu_ms_per_request=(0.1, -0.1, 0.3)))[0]
    assert words == "One execution takes longer, +12.4% [+11.5, +13.3]."


def test_faster_executions_are_mentioned_too() -> None:
    both = {"execute_ms": (-0.1, -0.12, -0.08), "cpu_ms_per_request": (-0.1, -0.11, -0.09)}
    assert causes(_with(example.failing(), **both))[0].startswith(
        "One execution takes less time, -10.0% [-12.0, -8.0], and"
    )


def test_nothing_is_claimed_that_the_data_do_not_support() -> None:
    equal = {"execute_ms": (0.01, -0.01, 0.03), "cpu_ms_per_request": (0.3, 0.2, 0.4)}
    assert causes(_with(_loaded(0.0), **equal)) == (
        "Both arms have identical model files: any difference comes from how they were served or measured.",
    )


@pytest.mark.parametrize("name", ["no_baseline", "died_in_warm_up", "interrupted_at_start", "stored_refused"])
def test_without_a_comparison_nothing_is_said(name: str) -> None:
    assert causes(KINDS[name]()) == ()


def test_the_stage_that_grew_is_named_with_its_interval() -> None:
    words = causes(_loaded(0.5))[0]
    assert words.startswith("Under load, candidate minus baseline: service time +0.5")
    assert " per request, of which execute +0.5" in words
    assert "; no difference in queue, encode and the rest (99% intervals over servers)." in words
    execute = stage_contrasts(_loaded(0.5))["execute"]
    low, high = execute.bounds(0.005)
    assert low < 0.5 < high
    assert high - low < 0.1


def test_two_servers_or_none_with_stages_show_no_stage() -> None:
    assert stage_contrasts(_loaded(0.5, servers=2)) == {}
    run = _loaded(0.5)
    silent = replace(run, trials=replace(run.trials, queue_ms=(), execute_ms=(), encode_ms=()))
    assert stage_contrasts(silent) == {}
    assert stage_contrasts(example.stored_numbers()) == {}


def test_turns_with_failed_requests_do_not_count_as_stages() -> None:
    run = _loaded(0.5)
    assert stage_contrasts(replace(run, trials=replace(run.trials, errors=(1,) * len(run.trials.errors)))) == {}


def test_different_models_and_requests_are_mentioned() -> None:
    result = replace(example.passing(), cautions=(Caution("inputs", "the two versions take different inputs: a"),))
    assert causes(result)[-2:] == (
        "The model's files went from 14.2 MiB to 16.8 MiB.",
        "The two versions take different inputs: a.",
    )
    light = ModelFacts("x", "x", "sha256:1", 1, 0.0)
    assert causes(replace(example.passing(), models={**result.models, Arm.BASELINE: light})) == ()
