from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.contrast import Sample, contrast, half_width, sign_flip_p, start_blocks, taken_out
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


def test_a_steep_start_order_is_taken_out_of_few_replicas() -> None:
    world = World(replicas=7, parents=1, parent_sd=0.0)
    steep = contrast(sample(replace(world, start_slope=0.1), 0.03, np.random.default_rng(3)))
    flat = contrast(sample(world, 0.03, np.random.default_rng(3)))
    assert steep.se == pytest.approx(flat.se, rel=0.1)
    assert steep.df == pytest.approx(flat.df * 11 / 12, rel=0.1)
    assert steep.difference == pytest.approx(0.03, abs=3 * flat.se)


def test_what_four_servers_in_a_row_share_does_not_widen_the_interval() -> None:
    one = sample(World(parents=1, parent_sd=0.0), 0.0, np.random.default_rng(8))
    apart = replace(one, value=one.value + np.repeat(np.random.default_rng(9).normal(0, 0.03, 6), 4))
    without_order = replace(apart, position=np.full(24, np.nan))
    assert contrast(apart).se == pytest.approx(contrast(one).se)
    assert contrast(apart).difference == pytest.approx(contrast(one).difference)
    assert contrast(without_order).se > 3 * contrast(apart).se  # the rule before


def test_blocks_of_the_start_order_lie_within_fork_servers() -> None:
    parent, position = np.tile([0, 0, 1, 1], 4), np.arange(16.0)[::-1]
    blocks = start_blocks(parent, position)
    assert blocks is not None
    assert blocks.tolist() == [1, 1, 3, 3, 1, 1, 3, 3, 0, 0, 2, 2, 0, 0, 2, 2]


@pytest.mark.parametrize(("replicas", "lost"), [(7, 0), (8, 3), (9, 4), (12, 5), (20, 9), (21, 20), (24, 23)])
def test_blocks_are_taken_out_where_ten_degrees_of_freedom_are_left(replicas: int, lost: int) -> None:
    one = sample(World(replicas=replicas, parents=1, parent_sd=0.0), 0.0, np.random.default_rng(10))
    plain = stats.ttest_ind(one.value[one.candidate], one.value[~one.candidate], equal_var=False)
    free = 2 * replicas - 2
    assert taken_out(replicas, 1) == lost
    assert contrast(one).df == pytest.approx(plain.df * (free - lost) / free, rel=0.15)


def test_over_many_pairs_it_is_students_paired_t() -> None:
    one = sample(World(replicas=24, parents=1, parent_sd=0.0), 0.01, np.random.default_rng(12))
    paired = stats.ttest_rel(one.value[one.candidate], one.value[~one.candidate])
    interval = paired.confidence_interval(0.98)
    assert contrast(one).difference == pytest.approx(interval.low / 2 + interval.high / 2)
    assert contrast(one).bounds(0.01) == pytest.approx((interval.low, interval.high), rel=0.02)  # df: nearly 23


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.0, 0.02])
def test_memory_in_regions_costs_the_interval_nothing_of_its_level(sd: float) -> None:
    world, rng = World(parents=1, parent_sd=0.0, region_sd=sd), np.random.default_rng(11)
    found = [contrast(sample(world, 0.0, rng)) for _ in range(4000)]
    missed = np.mean([abs(each.difference) > half_width(each.se, each.df, 0.025) for each in found])
    assert missed < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4000)  # fewer if a region ends inside a block


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
