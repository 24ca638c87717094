from __future__ import annotations

import numpy as np
import pytest

from perfgate.stats.summarise import curves, requests_to_show, summarise
from perfgate.stats.summary import ArmSummary
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory
from tests.stats.build import NAN, execute_trials, fact, load_trials, requests, trial


def _by_name(table: TrialTable) -> dict[tuple[str, str], ArmSummary]:
    return {(summary.metric, str(summary.arm)): summary for summary in summarise(table)}


def test_percentiles_are_shown_where_the_sample_supports_them() -> None:
    assert [requests_to_show(share) for share in (0.5, 0.9, 0.99, 0.999)] == [5, 29, 299, 2995]
    found = _by_name(TrialTable.of(load_trials(2, lambda *_: list(np.arange(1.0, 151.0)))))
    assert found["latency_p99_ms", "baseline"].value == 149.0
    assert found["latency_p99_ms", "baseline"].replicas == ()
    assert found["latency_p90_ms", "candidate"].replicas == (135.0, 135.0)
    p999 = found["latency_p999_ms", "baseline"]
    assert (p999.value, p999.note) == (None, "needs 2,995 requests, has 300")


def test_a_percentile_among_unanswered_requests_is_no_number() -> None:
    found = _by_name(TrialTable.of(load_trials(2, lambda *_: [1.0] * 10 + [NAN] * 10)))
    assert found["latency_p90_ms", "baseline"].note == "lies among requests that got no answer"
    assert found["latency_p50_ms", "baseline"].value == 1.0


def test_means_weigh_trials_by_what_they_divide_by() -> None:
    rows = [
        trial(0, Arm.BASELINE, 0, requests([1.0, 1.0, 4.0]), Lane.LOAD, Depth.REQUEST, 6.0, None, 1.0),
        trial(1, Arm.BASELINE, 0, requests([2.0]), Lane.LOAD, Depth.REQUEST, 6.0, None, 3.0),
    ]
    found = _by_name(TrialTable.of(rows))
    assert found["service_mean_ms", "baseline"].value == pytest.approx(2.0)
    assert found["cpu_ms_per_request", "baseline"].value == pytest.approx(3.0)
    assert found["throughput_rps", "baseline"].value == pytest.approx(1.0)
    assert found["cpu_cores", "baseline"].value == pytest.approx(0.003)
    assert ("execute_ms", "baseline") not in found


def test_each_arm_with_data_is_described() -> None:
    memory = Memory(90.0, 100.0, 60.0, 50.0)
    rows = [
        trial(0, t.arm, t.replica, requests([2.0, 2.0], [0, 4]), memory=memory)
        for t in execute_trials(1, 2, lambda *_: 1.0)
    ]
    facts = [fact(0, Arm.BASELINE, load_time_s=0.25), fact(2, Arm.BASELINE, load_time_s=0.75)]
    found = _by_name(TrialTable.of(rows, facts, {Arm.CANDIDATE: 3.0}))
    assert found["error_rate", "candidate"].value == 0.5
    assert found["rss_peak_mb", "candidate"].value == pytest.approx(100.0)
    assert found["load_time_s", "baseline"].value == 0.5
    assert ("load_time_s", "candidate") not in found
    assert found["model_size_mb", "candidate"].replicas == (3.0,)
    assert ("model_size_mb", "baseline") not in found


def test_curves_keep_the_tail() -> None:
    rng = np.random.default_rng(2)
    (baseline, candidate) = curves(TrialTable.of(load_trials(2, lambda *_: list(rng.lognormal(size=5000)))), points=200)
    assert (baseline.arm, candidate.arm) == (Arm.BASELINE, Arm.CANDIDATE)
    assert baseline.requests == 10_000
    assert 150 <= len(baseline.share) == len(baseline.latency_ms) <= 200
    assert list(baseline.latency_ms) == sorted(baseline.latency_ms)
    assert baseline.share[-1] == 1.0
    assert baseline.share[-50] == pytest.approx(1 - 49 / 10_000)
    assert max(np.diff(baseline.share)) < 0.02


def test_curves_count_unanswered_requests_without_drawing_them() -> None:
    (baseline, _) = curves(TrialTable.of(load_trials(1, lambda *_: [1.0, 2.0, 3.0, NAN])))
    assert baseline.latency_ms == (1.0, 2.0, 3.0)
    assert baseline.share == (0.25, 0.5, 0.75)


def test_nothing_measured_is_nothing_described() -> None:
    assert summarise(TrialTable.of([])) == ()
    assert curves(TrialTable.of([])) == ()
