from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.contrast import Sample, contrast, half_width, sign_flip_p
from tests.stats.generator import World, design, sample


def _plain(baseline: list[float], candidate: list[float]) -> Sample:
    value = np.array([*baseline, *candidate])
    nowhere = np.full(value.size, np.nan)
    return Sample(value, np.arange(value.size) >= len(baseline), np.full(value.size, -1), nowhere)


def test_without_a_design_it_is_scipys_welch_interval() -> None:
    baseline, candidate = [0.01, 0.02, -0.01, 0.0, 0.03], [0.05, 0.06, 0.04]
    found = contrast(_plain(baseline, candidate))
    expected = stats.ttest_ind(candidate, baseline, equal_var=False)
    interval = expected.confidence_interval(0.98)
    assert found.difference == pytest.approx(np.mean(candidate) - np.mean(baseline))
    assert found.df == pytest.approx(expected.df)
    assert found.bounds(0.01) == pytest.approx((interval.low, interval.high))


def test_equal_replicas_have_no_width() -> None:
    found = contrast(_plain([1.0, 1.0], [2.0, 2.0]))
    assert found.bounds(0.01) == (1.0, 1.0)
    assert half_width(0.0, float("inf"), 0.01) == 0.0


def test_a_steep_start_order_is_taken_out() -> None:
    world = World(parents=1, parent_sd=0.0)
    steep = contrast(sample(replace(world, start_slope=0.1), 0.03, np.random.default_rng(3)))
    flat = contrast(sample(world, 0.03, np.random.default_rng(3)))
    assert steep.se == pytest.approx(flat.se, rel=0.1)
    assert steep.df == pytest.approx(flat.df * 21 / 22, rel=0.1)
    assert steep.difference == pytest.approx(0.03, abs=3 * flat.se)


def test_fork_servers_apart_do_not_widen_the_interval() -> None:
    near = sample(World(parent_sd=0.0), 0.0, np.random.default_rng(4))
    far = replace(near, value=near.value + 0.1 * near.parent)
    assert contrast(far).se == pytest.approx(contrast(near).se)
    assert contrast(far).difference == pytest.approx(contrast(near).difference)


def test_with_equal_variances_the_adjusted_interval_is_the_linear_models() -> None:
    one = sample(World(replicas=10), 0.02, np.random.default_rng(5))
    x = np.column_stack([one.candidate, np.ones(20), one.parent])
    solved, squares, *_ = np.linalg.lstsq(x, one.value)
    se = np.sqrt(squares[0] / 17 * np.linalg.inv(x.T @ x)[0, 0])
    assert contrast(one).difference == pytest.approx(solved[0])
    assert contrast(one).se == pytest.approx(se, rel=0.05)  # the arms' variances differ a little by chance


def test_a_parent_that_served_one_arm_only_is_no_blocking_factor() -> None:
    candidate, _, position = design(World())
    confounded = Sample(np.arange(24.0) % 5, candidate, candidate.astype(np.int64), position * np.nan)
    assert contrast(confounded).df == pytest.approx(
        stats.ttest_ind(confounded.value[candidate], confounded.value[~candidate], equal_var=False).df
    )


def test_few_replicas_spend_no_freedom_on_parents() -> None:
    few = sample(World(replicas=4), 0.0, np.random.default_rng(6))
    plain = stats.ttest_ind(few.value[few.candidate], few.value[~few.candidate], equal_var=False)
    assert contrast(few).df == pytest.approx(plain.df)


def test_the_sign_flip_is_exact_over_pairs_in_start_order() -> None:
    candidate, parent, position = design(World(replicas=6))
    shifted = Sample(np.where(candidate, 0.05, 0.0) + position / 1e6, candidate, parent, position)
    assert sign_flip_p(shifted) == pytest.approx(2 / 2**6)


@pytest.mark.parametrize("pairs", [2, 3, 7, 12, 13])
@pytest.mark.parametrize("step", [0.0, 0.5], ids=["", "ties"])
def test_the_sign_flip_is_scipys(pairs: int, step: float) -> None:
    differences = np.random.default_rng(pairs).normal(0.4, 1, pairs)
    differences = np.round(differences / step) * step if step else differences
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=4999, rng=0
    )
    assert sign_flip_p(_plain([0.0] * pairs, differences.tolist())) == pytest.approx(expected.pvalue, rel=1e-12)


def test_without_two_pairs_there_is_no_sign_flip() -> None:
    assert np.isnan(sign_flip_p(_plain([1.0], [2.0])))


def test_the_sign_flip_repeats_itself_where_it_draws() -> None:
    many = sample(World(replicas=20), 0.002, np.random.default_rng(7))
    assert sign_flip_p(many, seed=1) == sign_flip_p(many, seed=1)
    assert 0 < sign_flip_p(many, seed=1) <= 1
