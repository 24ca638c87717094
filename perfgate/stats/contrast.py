"""Two arms compared over replicas: Welch's interval, adjusted for start order and fork server where that is sound.

Processes that start one after the other get adjacent memory, and its placement lasts for their lifetime: such replicas
are alike, which a block design takes out (Fisher's randomised blocks; Montgomery, Design and Analysis of Experiments,
2017, chapter 4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, isfinite, sqrt

import numpy as np
from scipy import special

from perfgate.stats.per_trial import Mask
from perfgate.stats.table import Floats, Ints

SPARE_DF = 10
"""Adjustments depend on the design alone: they must leave at least this many degrees of freedom."""
BLOCK_SIZES = {2: 20, 4: SPARE_DF}
"""Servers in a block of the start order, and the degrees of freedom that it must leave: pairs, if there are many."""
SLOPE_ALPHA = 0.01
_MOST_EXACT_PAIRS = 12
LEAST_PAIRS = 6
"""From here on, pairing gains more by the likeness of pairs than it costs in degrees of freedom
(docs/explanation/method.md).
"""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One log value a replica, of both arms, with each replica's position in the design."""

    value: Floats
    candidate: Mask
    parent: Ints
    position: Floats
    """NaN if the start order is unknown."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Candidate minus baseline on the log scale."""

    difference: float
    se: float
    df: float

    def no_surer(self, resolution: float, sizes: Sequence[int]) -> Contrast:
        """Raise the standard error at least to that of arms of these sizes in which each number has this deviation."""
        return replace(self, se=max(self.se, resolution * sqrt(sum(1 / size for size in sizes))))

    def with_part(self, variance: float, df: float) -> Contrast:
        """Add a variance that is independent of the replicas', with Satterthwaite's degrees of freedom."""
        if not variance:
            return self
        whole = self.se**2 + variance
        below = self.se**4 / self.df + variance**2 / df
        return Contrast(self.difference, sqrt(whole), whole**2 / below if isfinite(whole) else df)

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Return the two one-sided bounds, each at level alpha."""
        half = half_width(self.se, self.df, alpha)
        return self.difference - half, self.difference + half


def half_width(se: float, df: float, alpha: float) -> float:
    """Distance from the estimate to a one-sided bound; 0 if there is no error at all."""
    return float(-special.stdtrit(df, alpha)) * se if se > 0 else 0.0


def contrast(sample: Sample) -> Contrast:
    """Compare the arms: Welch's t over replicas, adjusted for the nuisance factors that the design permits.

    At least two replicas an arm. docs/explanation/method.md has the formulas and their error rates.
    """
    groups = _groups(sample)
    return _adjusted(sample, np.column_stack([groups, _slope(sample, groups)]))


def welch(baseline: Floats, candidate: Floats) -> Contrast:
    """Compare two sets of replicas by plain Welch's t; at least two of each."""
    arms = baseline, candidate
    parts = [float(arm.var(ddof=1)) / arm.size for arm in arms]
    difference = float(candidate.mean() - baseline.mean())
    return Contrast(difference, sqrt(sum(parts)), _welch_df(parts, [arm.size for arm in arms]))


def paired_contrast(sample: Sample) -> Contrast:
    """Compare the arms by Student's t over pairs of servers that one fork server started one after the other.

    For measurements made pair by pair, where machine noise affected both. With fewer than six pairs the same as
    `contrast`.
    """
    pairs = start_pairs(sample)
    if pairs.size < LEAST_PAIRS:
        return contrast(sample)
    return Contrast(float(pairs.mean()), float(pairs.std(ddof=1) / np.sqrt(pairs.size)), float(pairs.size - 1))


def start_blocks(parent: Ints, position: Floats) -> Ints | None:
    """Return the block of each server: two or four that one fork server started one after the other.

    None if the order is unknown, or too few degrees of freedom would be left.
    """
    if not np.isfinite(position).all():
        return None
    by_start = np.lexsort((position, parent))
    fork_server = parent[by_start]
    order = np.arange(parent.size) - np.searchsorted(fork_server, fork_server)  # of its own servers
    for size, spare in BLOCK_SIZES.items():
        known, index = np.unique(np.stack([fork_server, order // size]), axis=1, return_inverse=True)
        if parent.size - 1 - known.shape[1] >= spare:
            number = np.empty(parent.size, np.int64)
            number[by_start] = index.ravel()
            return number
    return None


def taken_out(replicas: int, parents: int) -> int:
    """Count the degrees of freedom that a design uses up: blocks, or else fork servers, less 1.

    Assumes a known start order, and pairs that are distributed over the fork servers in turn.
    """
    pairs = Counter(number % parents for number in range(replicas))
    blocks = ((sum(ceil(2 * count / size) for count in pairs.values()), spare) for size, spare in BLOCK_SIZES.items())
    groups = (*blocks, (parents, SPARE_DF))
    return next((count - 1 for count, spare in groups if 2 * replicas - 1 - count >= spare), 0)


def _groups(sample: Sample) -> Floats:
    """Return an indicator column for each block of the start order but the first, or else for each fork server."""
    blocks = start_blocks(sample.parent, sample.position)
    columns = _indicators(sample, blocks) if blocks is not None else np.empty((sample.value.size, 0))
    return columns if columns.size else _indicators(sample, sample.parent)


def _indicators(sample: Sample, group: Ints) -> Floats:
    """Return a column for each group but the first; none unless each has both arms, and enough freedom is left."""
    known, index = np.unique(group, return_inverse=True)
    crossed = all(np.unique(sample.candidate[index == i]).size == 2 for i in range(known.size))
    spare = sample.value.size - 2 - (known.size - 1)
    columns = known.size if crossed and spare >= SPARE_DF else 1
    return np.asarray(index[:, None] == np.arange(1, columns), np.float64)


def _slope(sample: Sample, groups: Floats) -> Floats:
    """Return the start position as a column if its slope is significant (t-test at 1%), else no column."""
    none = np.empty((sample.value.size, 0))
    if not np.isfinite(sample.position).all():
        return none
    x = _design(sample, np.column_stack([groups, sample.position]))
    spare = sample.value.size - x.shape[1]
    if spare < SPARE_DF - 1 or np.linalg.matrix_rank(x) < x.shape[1]:
        return none
    slope = np.linalg.lstsq(x, sample.value)[0]
    residual = float(np.sum((sample.value - x @ slope) ** 2)) / spare
    se = float(np.sqrt(residual * np.linalg.inv(x.T @ x)[-1, -1]))
    shows = abs(slope[-1]) > half_width(se, spare, SLOPE_ALPHA / 2)
    return sample.position[:, None] if shows else none


def _design(sample: Sample, nuisance: Floats) -> Floats:
    """Columns: the arm first, then ones, then the nuisance columns, centred for numerical stability."""
    return np.column_stack([sample.candidate, np.ones(sample.value.size), nuisance - nuisance.mean(axis=0)])


def _adjusted(sample: Sample, nuisance: Floats) -> Contrast:
    """Welch's t on values without the nuisance part.

    The k estimated coefficients cost k degrees of freedom and, if the arms are unevenly spread over the nuisance,
    variance: with equal variances this is exactly the arm's t-test in the linear model.
    """
    x = _design(sample, nuisance)
    coefficients = np.linalg.lstsq(x, sample.value)[0]
    values = sample.value - x[:, 2:] @ coefficients[2:]
    arms = values[~sample.candidate], values[sample.candidate]
    parts = [float(arm.var(ddof=1)) / arm.size for arm in arms]
    free = sample.value.size - 2
    left = free - nuisance.shape[1]
    uneven = np.linalg.inv(x.T @ x)[0, 0] / sum(1 / arm.size for arm in arms)
    variance = sum(parts) * free / left * uneven
    df = _welch_df(parts, [arm.size for arm in arms]) * left / free
    return Contrast(float(arms[1].mean() - arms[0].mean()), float(np.sqrt(variance)), df)


def _welch_df(parts: list[float], sizes: list[int]) -> float:
    """Welch-Satterthwaite degrees of freedom from each arm's variance of the mean."""
    below = sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    return sum(parts) ** 2 / below if below > 0 else float(sum(sizes) - 2)


def sign_flip_p(sample: Sample, seed: int = 0) -> float:
    """Two-sided p of the sign-flip permutation over pairs; NaN with fewer than two pairs.

    Pairs are formed in start order within each fork server. Exact up to 12 pairs, else 4,999 draws from `seed`.
    """
    pairs = start_pairs(sample)
    if pairs.size < 2:
        return float("nan")
    if pairs.size <= _MOST_EXACT_PAIRS:
        return _exact_sign_flip_p(pairs)
    from scipy import stats  # noqa: PLC0415 - takes a second to import, and few commands need it

    result = stats.permutation_test(
        (pairs,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=4999,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def _exact_sign_flip_p(pairs: Floats) -> float:
    """Count over all flips, like `scipy.stats.permutation_test`, in a hundredth of its 20 ms."""
    sums, slack = _signs(pairs.size) @ pairs, 1e-14 * np.abs(pairs).sum()
    tails = (sums >= pairs.sum() - slack).mean(), (sums <= pairs.sum() + slack).mean()
    return min(1.0, 2 * float(min(tails)))


@cache
def _signs(count: int) -> Floats:
    """Return all combinations of signs, one a row."""
    return np.asarray(1 - 2 * (np.arange(2**count)[:, None] >> np.arange(count) & 1), np.float64)


def start_pairs(sample: Sample) -> Floats:
    """Return the candidate's excess in each pair, formed in start order within each fork server."""
    return np.concatenate([np.empty(0), *(_pairs(sample, sample.parent == p) for p in np.unique(sample.parent))])


def _pairs(sample: Sample, inside: Mask) -> Floats:
    def ordered(arm: Mask) -> Floats:
        return sample.value[inside & arm][np.argsort(sample.position[inside & arm], kind="stable")]

    baseline, candidate = ordered(~sample.candidate), ordered(sample.candidate)
    count = min(baseline.size, candidate.size)
    return np.asarray(candidate[:count] - baseline[:count])
