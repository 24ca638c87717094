from __future__ import annotations

from dataclasses import replace
from math import inf, isnan, log1p

import numpy as np
import pytest

from perfgate.metrics import BY_NAME, METRICS, Metric
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import estimate
from perfgate.stats.replicate import replicates, requests_for_quantile
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory, State
from tests.stats.build import NAN, execute_trials, fact, load_trials, requests, trial
from tests.stats.generator import World, table


def _of(name: str, made: TrialTable) -> Effect:
    effect = estimate(BY_NAME[name], made, 0.01)
    assert effect is not None
    return effect


def _jitter(number: int) -> float:
    return 1 + number / 1000


def test_a_known_change_comes_back_through_drift() -> None:
    made = execute_trials(
        7, 4, lambda block, arm, number: (1 + block) * _jitter(number) * (1.05 if arm == "candidate" else 1)
    )
    effect = _of("execute_ms", TrialTable.of(made))
    assert effect.change == pytest.approx(0.05)
    assert effect.lower < 0.05 < effect.upper
    assert effect.candidate_value / effect.baseline_value == pytest.approx(1.05)
    assert log1p(effect.lower) + log1p(effect.upper) == pytest.approx(2 * effect.log_change)
    assert (effect.source, effect.state) == ("cost/execute", State.COLD)
    assert len(effect.baseline_replicas) == len(effect.candidate_replicas) == 4


def test_one_wild_block_in_ten_does_not_move_the_estimate() -> None:
    def time_ms(block: int, arm: Arm, number: int) -> float:
        return _jitter(number) * (50.0 if block == 3 and arm is Arm.CANDIDATE else 1.0)

    assert _of("execute_ms", TrialTable.of(execute_trials(10, 4, time_ms))).change == pytest.approx(0.0, abs=1e-9)


def test_trials_with_failed_requests_count_under_load_only() -> None:
    calm = execute_trials(4, 3, lambda _block, _arm, number: _jitter(number))
    failed = [trial(4, t.arm, t.replica, requests([99.0], [14])) for t in calm[:6]]
    assert _of("execute_ms", TrialTable.of(calm + failed)).baseline_value == pytest.approx(1.001)

    def load(arm: Arm, replica: int) -> list[int]:
        return [0, 4, 4] if arm is Arm.CANDIDATE else [0, 0, replica * 0]

    slow = [
        trial(0, arm, i, requests([1.0, *([5000.0 if code else 1.0 for code in load(arm, i)[1:]])], load(arm, i)),
              Lane.LOAD, Depth.REQUEST)
        for i in range(6)
        for arm in [Arm.CANDIDATE if i % 2 else Arm.BASELINE]
    ]  # fmt: skip
    assert _of("latency_p50_ms", TrialTable.of(slow)).change == pytest.approx(4999.0)
    assert _of("throughput_rps", TrialTable.of(slow)).change == pytest.approx(1 / 3 - 1)


def test_the_first_source_with_numbers_is_used() -> None:
    loaded = [
        trial(0, t.arm, t.replica, t.requests, t.lane, t.depth, 10.0 * _jitter(t.replica))
        for t in load_trials(3, lambda _arm, number: [1.0 + number] * 5)
    ]
    blind = execute_trials(3, 3, lambda _block, _arm, number: _jitter(number))
    assert _of("cpu_ms_per_request", TrialTable.of(blind + loaded)).source == "load/request"


def test_a_source_with_one_replica_an_arm_is_the_last_choice() -> None:
    blind = execute_trials(3, 3, lambda _block, _arm, number: _jitter(number))
    rows = [replace(t, memory=Memory(1.0, 100.0 + t.replica, 1.0, 1.0)) for t in blind]
    loaded = [replace(t, memory=Memory(1.0, 200.0, 1.0, 1.0)) for t in load_trials(1, lambda *_: [1.0] * 5)]
    assert _of("rss_peak_mb", TrialTable.of(rows + loaded)).source == "cost/execute"
    two = [replace(t, memory=Memory(1.0, 200.0 + t.replica, 1.0, 1.0)) for t in load_trials(2, lambda *_: [1.0] * 5)]
    assert _of("rss_peak_mb", TrialTable.of(rows + two)).source == "load/request"
    assert replicates(BY_NAME["rss_peak_mb"], TrialTable.of(loaded)) is not None


def test_p99_is_of_all_requests_of_an_arm_and_needs_so_many() -> None:
    rng = np.random.default_rng(8)

    def times(arm: Arm, _number: int, count: int = 2000) -> list[float]:
        tail = rng.random(count) < 0.02
        return list(1.0 + rng.random(count) / 100 + tail * (9.0 if arm is Arm.CANDIDATE else 0.0))

    effect = _of("latency_p99_ms", TrialTable.of(load_trials(3, times)))
    assert effect.change == pytest.approx(9.0, rel=0.05)
    assert effect.state is State.UNDER_LOAD
    few = TrialTable.of(load_trials(3, lambda arm, number: times(arm, number, 666)))
    assert estimate(BY_NAME["latency_p99_ms"], few, 0.01) is None


def test_requests_that_a_quantile_needs() -> None:
    assert [requests_for_quantile(share) for share in (0.9, 0.99, 0.999)] == [2000, 2000, 3688]


def test_memory_is_the_peak_over_the_samples_of_a_replica() -> None:
    def memory(replica: int, block: int) -> Memory:
        peak = 100.0 + (20.0 if replica % 2 else 0.0) + replica / 100 + (block == 1)
        return Memory(90.0, peak, peak / 2, 40.0)

    rows = [
        trial(b, t.arm, t.replica, t.requests, memory=memory(t.replica, b) if b < 2 else None)
        for b in range(3)
        for t in execute_trials(1, 3, lambda *_: 1.0)
    ]
    effect = _of("rss_peak_mb", TrialTable.of(rows))
    assert effect.baseline_value == pytest.approx(101.02)
    assert effect.change == pytest.approx(121 / 101 - 1, rel=1e-2)
    assert _of("pss_mb", TrialTable.of(rows)).baseline_value == pytest.approx((100.02 + 101.02) / 4)


def test_start_values_come_from_the_replicas() -> None:
    facts = [fact(i, list(Arm)[i % 2], load_time_s=(1 + i % 2) * _jitter(i)) for i in range(8)]
    effect = _of("load_time_s", TrialTable.of([], facts))
    assert effect.change == pytest.approx(1.0, rel=0.01)
    assert (effect.source, effect.state) == ("start", State.COLD)
    assert _of("first_request_ms", TrialTable.of([], facts)).change == 0.0


def test_sizes_are_known_without_error() -> None:
    effect = _of("model_size_mb", TrialTable.of([], (), {Arm.BASELINE: 10.0, Arm.CANDIDATE: 12.0}))
    assert effect.lower == effect.change == effect.upper == pytest.approx(0.2)
    assert (effect.log_se, effect.df) == (0.0, inf)


def test_the_cross_check_can_be_left_out() -> None:
    made = table(World(blocks=5), 0.0, np.random.default_rng(9))
    effect = estimate(BY_NAME["execute_ms"], made, 0.01, cross_check=False)
    assert effect is not None
    assert isnan(effect.sign_flip_p)
    assert 0 < _of("execute_ms", made).sign_flip_p <= 1


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_nothing_measured_has_no_effect(metric: Metric) -> None:
    unknown = (
        execute_trials(3, 2, lambda *_: NAN) if metric.name != "error_rate" else []
    )  # which counts, and times nothing
    for rows in ([], execute_trials(3, 1, lambda *_: 1.0), unknown):
        assert estimate(metric, TrialTable.of(rows), 0.01) is None


def test_one_arm_alone_has_no_effect() -> None:
    rows = [t for t in execute_trials(3, 3, lambda *_: 1.0) if t.arm is Arm.CANDIDATE]
    assert estimate(BY_NAME["execute_ms"], TrialTable.of(rows), 0.01) is None
