from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.operating_curve import rules
from perfgate.results.samples import SampleWriter
from perfgate.trials import Depth, Lane
from tests.report.trials import block


def _times(seed: int, size: int, factor: float = 1.0, spread: float = 0.1) -> rules.Floats:
    return factor * np.random.default_rng(seed).lognormal(0.0, spread, size)


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _plus_minus(size: int, middle: float) -> rules.Floats:
    """Half of the values one above the centre, half one below: a variance that is known exactly."""
    return middle + np.resize([1.0, -1.0], size)


def test_mann_whitney_finds_what_is_slower_only() -> None:
    equal, slower = _times(1, 500), _times(2, 500, 1.05)
    assert not rules.mann_whitney(equal, _times(3, 500))
    assert rules.mann_whitney(equal, slower)
    assert not rules.mann_whitney(slower, equal)


@pytest.mark.parametrize(("t_value", "significant"), [(1.8, False), (2.1, True), (-2.1, False)])
def test_pooled_t_turns_where_students_t_does(t_value: float, significant: bool) -> None:
    size = 200
    variance = size / (size - 1)
    shift = t_value * np.sqrt(2 * variance / size)  # pyperf: diff / sqrt(2 * pooled variance / n), against 1.96
    assert rules.pooled_t(_plus_minus(size, 10.0), _plus_minus(size, 10.0 + shift)) is significant


@pytest.mark.parametrize(
    ("factor", "spread", "regressed"),
    [
        (1.0, 0.1, False),
        (1.005, 0.01, False),  # significant, and within the noise threshold
        (1.03, 0.01, True),
        (1.011, 0.1, False),  # above the threshold, but the interval reaches below it
        (0.9, 0.01, False),
    ],
)
def test_criterion_wants_the_whole_interval_above_its_noise_threshold(
    factor: float, spread: float, regressed: bool
) -> None:
    baseline, candidate = _times(1, 2_000, 1.0, spread), _times(2, 2_000, factor, spread)
    assert rules.criterion(baseline, candidate, _rng()) is regressed


def test_criterions_interval_is_that_of_the_mean() -> None:
    baseline, candidate = _times(1, 300), _times(2, 300, 1.5)
    means = [rules._resampled(each, each.size, _rng())[0] for each in (baseline, candidate)]
    assert means[0].std() == pytest.approx(baseline.std() / np.sqrt(300), rel=0.1)
    assert np.median(means[1] / means[0]) == pytest.approx(candidate.mean() / baseline.mean(), rel=0.01)


@pytest.mark.parametrize(("factor", "slower"), [(1.19, False), (1.21, True)])
def test_a_fixed_limit_looks_at_the_mean_alone(factor: float, slower: bool) -> None:
    times = _times(1, 100)
    assert rules.fixed_limit(times, factor * times) is slower


def test_a_limit_on_p95_sees_one_request_in_ten_but_not_one_in_a_hundred() -> None:
    times = np.sort(_times(1, 1_000))
    one_in_ten, one_in_a_hundred = times.copy(), times.copy()
    one_in_ten[-100:] *= 3
    one_in_a_hundred[-10:] *= 3
    assert rules.percentile_limit(times, one_in_ten, 0.05)
    assert not rules.percentile_limit(times, one_in_a_hundred, 0.05)
    assert not rules.percentile_limit(times, 1.04 * times, 0.05)
    assert rules.percentile_limit(times, 1.06 * times, 0.05)


def test_pooling_calls_equal_models_different() -> None:
    rng = np.random.default_rng(11)

    def arm() -> rules.Floats:  # 12 servers that differ by 1 %
        return np.concatenate([rng.lognormal(rng.normal(0, 0.01), 0.03, 500) for _ in range(12)])

    runs = [(arm(), arm()) for _ in range(60)]
    alarms = sum(rules.mann_whitney(*run) or rules.mann_whitney(*reversed(run)) for run in runs)
    assert alarms > 0.3 * len(runs)  # its nominal level is 5 %


def test_every_rule_answers_and_too_few_requests_are_no_question() -> None:
    times = _times(1, 100)
    answers = rules.judged_by_others(times, 2 * times, 0.05, seed=1)
    assert answers == dict.fromkeys(rules.TITLES, True)
    assert rules.judged_by_others(times, times[:1], 0.05, seed=1) == {}


def test_the_requests_of_a_lane_are_read_by_arm(tmp_path: Path) -> None:
    one = block(np.random.default_rng(1), 0, replicas=3, requests=4)
    with SampleWriter(tmp_path / "samples.arrow") as writer:
        writer.append(one)
    baseline, candidate = rules.pooled_times(tmp_path / "samples.arrow", Lane.COST, Depth.EXECUTE)
    wanted = np.concatenate([each.requests.response_ms for each in one.trials if each.arm == "baseline"])
    np.testing.assert_allclose(baseline, wanted)
    assert candidate.size == 12
    assert [each.size for each in rules.pooled_times(tmp_path / "samples.arrow", Lane.LOAD, Depth.REQUEST)] == [0, 0]
