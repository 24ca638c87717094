from __future__ import annotations

import numpy as np
import pytest
from scipy import signal, stats

from perfgate.metrics import Source
from perfgate.stats.binomial import design_effect, lower_share, upper_share
from perfgate.stats.clusters import batches, certainty, tail_effect
from perfgate.stats.per_trial import rows_of
from perfgate.stats.table import Columns, Floats
from perfgate.trials import Arm, Depth, Lane, Trial
from tests.stats.build import requests, trial

RUNS = 300
MOST = int(stats.binom.isf(1e-3, RUNS, 0.015))


def _turns(*sizes: int) -> Columns:
    numbers = np.split(np.arange(1.0, sum(sizes) + 1), np.cumsum(sizes)[:-1])
    return Columns.of([_turn(block, list(each)) for block, each in enumerate(numbers)])


def _turn(block: int, times: list[float]) -> Trial:
    return trial(block, Arm.CANDIDATE, 1, requests(times), Lane.LOAD, Depth.REQUEST)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((500,), [50] * 10), ((30,), [30]), ((90,), [23, 23, 22, 22]), ((50,) * 20, [100] * 10), ((5,) * 12, [20] * 3)],
)
def test_batches_are_whole_turns_or_parts_of_the_only_one(sizes: tuple[int, ...], expected: list[int]) -> None:
    columns = _turns(*sizes)
    found = batches(columns, rows_of(columns, Source.LOAD), columns.service_ms)
    assert [part.size for part in found] == expected
    assert list(np.concatenate(found)) == list(range(1, sum(sizes) + 1))


def test_few_clusters_leave_little() -> None:
    assert certainty(1, 0.01) == 0.0
    z, t = stats.norm.isf(0.01), stats.t.isf(0.01, 11)
    assert certainty(12, 0.01) == pytest.approx((z / t) ** 2)
    assert certainty(100_000, 0.01) == pytest.approx(1.0, abs=1e-3)
    assert 0.9 < certainty(12, 0.5) < 1.0


def test_what_lies_above_other_percentiles_shows_clusters_where_nothing_is_above_the_bound() -> None:
    slow, quick = np.full(100, 2.0), np.full(100, 1.0)
    series = (slow, quick, quick, quick)
    assert tail_effect(series, np.sort(np.concatenate(series)), 5.0) > 30
    mixed = tuple(np.tile([1.0, 2.0, 3.0, 4.0], 25) for _ in range(4))
    assert tail_effect(mixed, np.sort(np.concatenate(mixed)), 5.0) == 1.0


def _bounds(series: list[Floats], effect: float) -> tuple[bool, bool]:
    """Return whether a 99th percentile of exactly 2.326 passes and fails a bound of that value."""
    above, count = sum(float((values > stats.norm.isf(0.01)).sum()) for values in series), series[0].size * len(series)
    hits, size = above / effect, count / effect
    return upper_share(hits, size, 0.01) <= 0.01, lower_share(hits, size, 0.01) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("servers", [1, 12])
def test_a_percentile_at_its_bound_is_decided_in_one_run_of_a_hundred(servers: int) -> None:
    """Requests with an autocorrelation time of 19, which the rule before treated as independent within a server."""
    rng, step = np.random.default_rng((41, servers)), 0.9
    size = 2_400 if servers == 1 else 40
    now, before = np.zeros(2), np.zeros(2)
    for _ in range(RUNS):
        noise = rng.standard_normal((servers, size))
        noise[:, 1:] *= np.sqrt(1 - step**2)
        times = signal.lfilter([1.0], [1.0, -step], noise, axis=1)
        series = list(times) if servers > 1 else np.array_split(times[0], 10)
        effect = tail_effect(series, np.sort(times.ravel()), float(stats.norm.isf(0.01)))
        now += _bounds(series, effect / certainty(len(series), 0.01))
        above = (times > stats.norm.isf(0.01)).sum(axis=1).astype(float)
        before += _bounds(list(times), design_effect(above, np.full(servers, float(size))))
    assert max(now) <= MOST
    assert before[0] > 0.1 * RUNS
