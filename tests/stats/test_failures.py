from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.binomial import design_effect, lower_share, upper_share
from perfgate.stats.clusters import certainty
from perfgate.stats.failures import burst_effect
from perfgate.stats.proportion import Counts
from perfgate.stats.table import Floats

RUNS = 300
MOST = int(stats.binom.isf(1e-3, RUNS, 0.015))


def test_few_failures_are_taken_for_what_bursts_of_twenty_would_show() -> None:
    counts = np.full(10, 100.0)
    none, ten = np.zeros(10), np.ones(10)
    assert burst_effect((none, counts), (none, counts)) == 20.0
    assert burst_effect((ten, counts), (ten, counts)) == pytest.approx(410 / 30)
    many = np.full(10, 40.0)
    assert burst_effect((many, counts), (many, counts)) == pytest.approx(800 / 420)
    uneven = np.array([100.0] + [0.0] * 9)
    assert burst_effect((uneven, counts), (many, counts)) == design_effect(uneven, counts) > 20


def _bursts(rng: np.random.Generator, shape: tuple[int, int], share: float, burst: int) -> Floats:
    """Failures, marked 1, with that many in a row; servers x requests."""
    begins = rng.random((shape[0], shape[1] + burst - 1)) < 1 - (1 - share) ** (1 / burst)
    count = np.cumsum(np.pad(begins, ((0, 0), (1, 0))), axis=1)
    return (count[:, burst:] > count[:, :-burst]).astype(np.float64)


def _seen(failed: Floats) -> tuple[float, float, float, float, int]:
    """Return failures, requests, both design effects (before, now) and the number of batches."""
    servers, size = failed.shape
    parts = np.concatenate([np.array_split(each, 10) for each in failed]).reshape(servers * 10, -1)
    replicas = failed.sum(axis=1), np.full(servers, float(size))
    batches = parts.sum(axis=1), np.full(servers * 10, size / 10)
    return failed.sum(), float(failed.size), design_effect(*replicas), burst_effect(replicas, batches), servers * 10


def _wrong(hits: float, count: float) -> tuple[bool, bool]:
    """Return whether a share of 1 % passes and fails a bound of that value."""
    return upper_share(hits, count, 0.01) <= 0.01, lower_share(hits, count, 0.01) > 0.01


@pytest.mark.parametrize(("servers", "size", "burst"), [(1, 12_000, 5), (4, 600, 20), (12, 400, 20)])
def test_an_error_rate_at_its_bound_is_decided_in_one_run_of_a_hundred(servers: int, size: int, burst: int) -> None:
    rng, now, before = np.random.default_rng((42, servers, burst)), np.zeros(2), np.zeros(2)
    for _ in range(RUNS):
        failed, count, old, new, parts = _seen(_bursts(rng, (servers, size), 0.01, burst))
        before += _wrong(failed / old, count / old)
        new /= certainty(parts, 0.01)
        now += _wrong(failed / new, count / new)
    assert max(now) <= MOST
    assert before[0] > 0.05 * RUNS


@pytest.mark.parametrize(("servers", "burst"), [(4, 20), (12, 20)])
def test_arms_apart_by_the_tolerance_are_decided_in_one_run_of_a_hundred(servers: int, burst: int) -> None:
    rng, now, before = np.random.default_rng((43, servers, burst)), np.zeros(2), np.zeros(2)
    for _ in range(RUNS):
        arms = [_seen(_bursts(rng, (servers, 4_800 // servers), share, burst)) for share in (0.0, 0.01)]
        (f0, n0, old0, new0, parts), (f1, n1, old1, new1, _) = arms
        old = Counts(f0 / old0, n0 / old0, f1 / old1, n1 / old1)
        new = Counts(f0 / new0, n0 / new0, f1 / new1, n1 / new1, parts)
        before += old.upper(0.01) <= 0.01, old.lower(0.01) > 0.01
        now += new.upper(0.01) <= 0.01, new.lower(0.01) > 0.01
    assert max(now) <= MOST
    assert before[0] > 0.05 * RUNS
