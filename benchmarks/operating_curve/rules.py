"""Judgement of the same data by other tools' rules: requests of all replicas pooled, baseline against candidate.

None of them uses the design of the run as perfgate does: no replicas, no blocks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from perfgate.results.samples import read_samples
from perfgate.trials import Arm, Depth, Lane

Floats = NDArray[np.float64]

LEVEL = 0.05
NOISE = 0.01
LIMIT = 0.20
RESAMPLES = 2_000
"""Criterion.rs takes 100,000; the bounds of a 95 % interval need no more than these."""
_CELLS_AT_A_TIME = 4_000_000


def mann_whitney(baseline: Floats, candidate: Floats) -> bool:
    """Return whether it is "slower": p < 0.05, two-sided, with the higher median.

    benchstat: golang.org/x/perf `benchmath.AssumeNothing` (median, U test; CompareAlpha 0.05). google/benchmark:
    `tools/gbench/report.py` calls `scipy.stats.mannwhitneyu(..., alternative="two-sided")` and marks p < 0.05.
    """
    p_value = stats.mannwhitneyu(baseline, candidate, alternative="two-sided").pvalue
    return bool(p_value < LEVEL and np.median(candidate) > np.median(baseline))


def pooled_t(baseline: Floats, candidate: Floats) -> bool:
    """Return whether it is "slower": Student's two-sample t test is significant at 95 %, two-tailed, higher mean.

    pyperf `_utils.is_significant`: pooled variance, n1 + n2 - 2 degrees of freedom.
    """
    test = stats.ttest_ind(candidate, baseline, equal_var=True)
    return bool(test.pvalue < LEVEL and test.statistic > 0)


def criterion(baseline: Floats, candidate: Floats, rng: np.random.Generator) -> bool:
    """Return whether it has "regressed": p < 0.05 and the 95 % interval of the mean's relative change is above +1 %.

    Criterion.rs `analysis/compare.rs` and `report.rs`: the p-value is the share of t statistics of samples drawn from
    both arms' requests together that are as extreme as the measured one; the interval is a percentile bootstrap of mean
    / mean - 1, each arm resampled separately; `noise_threshold` 0.01, `significance_level` 0.05.
    """
    together = np.concatenate([baseline, candidate])
    measured = _t(_moments(baseline[None, :]), _moments(candidate[None, :]), baseline.size, candidate.size)[0]
    olds, news = (_resampled(together, arm.size, rng) for arm in (baseline, candidate))
    t_values = _t(olds, news, baseline.size, candidate.size)
    p_value = 2 * min(np.mean(t_values <= measured), np.mean(t_values >= measured))
    if p_value >= LEVEL:
        return False
    means = [_resampled(arm, arm.size, rng)[0] for arm in (baseline, candidate)]
    return bool(np.quantile(means[1] / means[0] - 1, LEVEL / 2) > NOISE)


def fixed_limit(baseline: Floats, candidate: Floats) -> bool:
    """Return whether it is "slower": the mean is more than 20 % above the baseline's.

    pytest-benchmark `--benchmark-compare-fail=mean:20%`; other runners of benchmarks in CI have such a limit, too.
    """
    return bool(candidate.mean() > (1 + LIMIT) * baseline.mean())


def percentile_limit(baseline: Floats, candidate: Floats, catch: float) -> bool:
    """Return whether it is "broken": the candidate's 95th percentile is above a limit, k6's threshold `p(95)<LIMIT`.

    k6's limits are fixed in advance. Here the limit is the baseline's own p95 in the same run plus the regression to
    catch: the best possible number, unaffected by changes of the machine in between.
    """
    return bool(np.quantile(candidate, 0.95) > (1 + catch) * np.quantile(baseline, 0.95))


def judged_by_others(baseline: Floats, candidate: Floats, catch: float, seed: int) -> dict[str, bool]:
    """Return whether the candidate is worse by each rule; empty if an arm has fewer than two requests."""
    if min(baseline.size, candidate.size) < 2:
        return {}
    rng = np.random.default_rng(seed)
    return {
        MANN_WHITNEY: mann_whitney(baseline, candidate),
        POOLED_T: pooled_t(baseline, candidate),
        CRITERION: criterion(baseline, candidate, rng),
        FIXED_LIMIT: fixed_limit(baseline, candidate),
        PERCENTILE_LIMIT: percentile_limit(baseline, candidate, catch),
    }


MANN_WHITNEY, POOLED_T, CRITERION = "mann_whitney", "pooled_t", "criterion"
FIXED_LIMIT, PERCENTILE_LIMIT = "plus_20_percent", "p95_limit"
TITLES = {
    MANN_WHITNEY: "Mann-Whitney, pooled (benchstat, google/benchmark)",
    POOLED_T: "t test, pooled (pyperf)",
    CRITERION: "bootstrap, 1 % noise (Criterion.rs)",
    FIXED_LIMIT: "mean + 20 %",
    PERCENTILE_LIMIT: "p95 limit (k6)",
}
"""Rules in display order."""


def pooled_times(samples: Path, lane: Lane, depth: Depth) -> tuple[Floats, Floats]:
    """Read the times of the answered requests of one lane and depth, in ms: the baseline's, the candidate's.

    Response times; in the cost lane these are the service times.
    """
    table = read_samples(samples)
    chosen = pc.and_(pc.equal(table["lane"], lane.value), pc.equal(table["depth"], depth.value))
    answered = table.filter(pc.and_(chosen, pc.equal(table["status"], 0)))
    times = answered["response_ms"].to_numpy()
    of_baseline = pc.equal(answered["arm"], Arm.BASELINE.value).to_numpy()
    return times[of_baseline], times[~of_baseline]


def _resampled(values: Floats, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return mean and variance of samples of that size, drawn with replacement."""
    at_a_time = max(1, _CELLS_AT_A_TIME // size)
    rows = [min(at_a_time, RESAMPLES - done) for done in range(0, RESAMPLES, at_a_time)]
    parts = [_moments(values[rng.integers(values.size, size=(count, size), dtype=np.int32)]) for count in rows]
    means, variances = (np.concatenate(each) for each in zip(*parts, strict=True))
    return means, variances


def _moments(samples: Floats) -> tuple[Floats, Floats]:
    return samples.mean(axis=1), samples.var(axis=1, ddof=1)


def _t(olds: tuple[Floats, Floats], news: tuple[Floats, Floats], old_size: int, new_size: int) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (news[0] - olds[0]) / np.sqrt(olds[1] / old_size + news[1] / new_size)
    return np.asarray(np.nan_to_num(found), np.float64)
