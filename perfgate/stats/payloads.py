"""The mean over a scenario's requests: robust within each payload, then averaged over payloads by their traffic.

Robustness does not extend across payloads: a regression of two of sixteen payloads is a regression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, pi, sqrt

import numpy as np

from perfgate.stats.per_trial import Mask
from perfgate.stats.table import Floats, Ints

LEVEL_TRIM = 0.1
"""Share of an arm's replicas in one block. With medians instead of trimmed means, standard errors are 5% too small."""
FAR_SD = 1.5
"""Distance at which executions are clipped: with normal noise the mean loses 4% of its efficiency, with real noise it
gains (docs/explanation/method.md).
"""
APART_SE = 3.0
"""If the arms differ more than this in one payload compared to all, they have separate levels there."""
_FEW = 20
"""Values from which a payload has its own estimate of spread; with fewer, all payloads share one."""
_SD_OF_MAD = 1.4826
_SE_OF_MEDIAN = sqrt(pi / 2)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Log values of one source, blocks x replicas, all finite, and the payload that each block sent."""

    logs: Floats
    arm: Ints
    """Arm of each replica: index into `ARMS`."""
    payload: Ints
    """Payload of each block; -1 if unknown, or if a block has several."""

    @cached_property
    def drawn_in(self) -> tuple[Floats, Floats]:
        """Log values relative to their block's level, with outliers clipped, and the levels.

        A value further than `FAR_SD` robust standard deviations from its centre is clipped there (Huber, Annals of
        Mathematical Statistics 35, 1964, 73). The centre is the replica's median, shifted by the arms' difference in
        this payload beyond that in the others, where it is significant: the effect of a change on a payload is never
        clipped. The median is then recomputed without these shifts, because affected payloads move it.
        """
        sides = [self.arm == each for each in np.unique(self.arm)]
        level = block_level(self.logs, self.arm)
        relative = self.logs - level[:, None]
        places = list(_alike(self.payload))
        first = relative - _medians(relative.T)
        shift, _ = _shifts(first, places, sides)
        own = _medians((relative - shift).T)
        rest = relative - own
        shift, spread = _shifts(rest, places, sides)
        return own + shift + np.clip(rest - shift, -FAR_SD * spread, FAR_SD * spread), level


@dataclass(frozen=True, eq=False)
class PayloadMeans:
    """Each replica's mean within each payload, relative to a level that all replicas share."""

    number: Ints
    """Number of each payload, ascending."""
    share: Floats
    """Share of the traffic; they sum to 1."""
    log_level: Floats
    """Mean over the payload's blocks of the blocks' levels."""
    log_mean: Floats
    """Payloads x replicas."""

    @cached_property
    def weight(self) -> Floats:
        """Share of all time of each payload; they sum to 1."""
        time = self.share * np.exp(self.log_level - self.log_level.max())
        return np.asarray(time / time.sum(), np.float64)

    @property
    def over_all(self) -> Floats:
        """Log of each replica's mean over requests, relative to the mean of the levels."""
        return np.asarray(np.log(self.weight @ np.exp(self.log_mean)), np.float64)

    @property
    def log_level_over_all(self) -> float:
        """Log of the mean of the levels over requests, in the values' unit."""
        top = float(self.log_level.max())
        return top + float(np.log(self.share @ np.exp(self.log_level - top)))


def block_level(logs: Floats, arm: Ints) -> Floats:
    """Return each block's level, from its log values, blocks x replicas: the mean of the arms' 10% trimmed means.

    A level over both arms together would follow the replicas of either arm that are near it, and so pull the arms
    together (docs/explanation/method.md).
    """
    return np.asarray(np.mean([_trimmed_mean(logs[:, arm == each]) for each in np.unique(arm)], axis=0), np.float64)


def _trimmed_mean(values: Floats) -> Floats:
    """Mean over the last axis without a tenth at each end, like `scipy.stats.trim_mean` in a third of the time."""
    cut = int(LEVEL_TRIM * values.shape[-1])
    return np.asarray(np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut].mean(axis=-1), np.float64)


def _medians(values: Floats) -> Floats:
    """Median over the last axis of finite values, as `np.median` in a fifth of the time for a few of them."""
    half, odd = divmod(values.shape[-1], 2)
    ordered = np.partition(values, half if odd else (half - 1, half), axis=-1)
    return np.asarray(ordered[..., half] if odd else (ordered[..., half - 1] + ordered[..., half]) / 2, np.float64)


def traffic(number: Ints, visits: Ints, shares: Sequence[float]) -> Floats:
    """Return each payload's share of the visits, by the traffic's `shares` if known, else by frequency."""
    known = bool(shares) and number[0] >= 0 and number[-1] < len(shares)
    weight = np.asarray(shares, np.float64)[number] if known else visits
    return np.asarray(weight / weight.sum(), np.float64)


def payload_means(blocks: Blocks, shares: Sequence[float] = ()) -> PayloadMeans:
    """Average each replica's visits within each payload; `shares` of the traffic by payload, else by frequency."""
    values, level = blocks.drawn_in
    number, index, visits = np.unique(blocks.payload, return_inverse=True, return_counts=True)
    share = traffic(number, visits, shares)
    sums = np.zeros((number.size, values.shape[1]))
    np.add.at(sums, index, values)
    return PayloadMeans(number, share, np.bincount(index, weights=level) / visits, sums / visits[:, None])


def _alike(payload: Ints) -> Iterator[Ints]:
    """Return the payloads that have the same number of blocks: payloads x visits, indices of blocks."""
    order = np.argsort(payload, kind="stable")
    visits = np.unique_counts(payload).counts
    first = np.cumsum(visits) - visits
    for count in np.unique(visits):
        yield order[first[visits == count][:, None] + np.arange(count)]


def _shifts(rest: Floats, places: Sequence[Ints], sides: Sequence[Mask]) -> tuple[Floats, Floats]:
    """Return how far each value's centre is from its replica's median, and its robust standard deviation."""
    shift, spread = np.zeros_like(rest), np.empty_like(rest)
    pooled = _SD_OF_MAD * float(_medians(np.abs(rest).ravel()))
    for rows in places:
        shift[rows], spread[rows] = _of_payloads(rest[rows], sides, pooled)
    return shift, spread


def _of_payloads(rest: Floats, sides: Sequence[Mask], pooled: float) -> tuple[Floats, Floats]:
    """Return both for payloads x visits x replicas."""
    payloads, visits, replicas = rest.shape
    centres = [_medians(rest[:, :, side].reshape(payloads, -1)) for side in sides]
    shift = np.zeros((payloads, 1, replicas))
    for side, centre in zip(sides, centres, strict=True):
        shift[:, :, side] = centre[:, None, None]
    spread = np.full(payloads, pooled)
    if visits * replicas >= _FEW:
        spread = _SD_OF_MAD * _medians(np.abs(rest - shift).reshape(payloads, -1))
    if len(sides) > 1:
        se = _SE_OF_MEDIAN * spread * np.sqrt(sum(1 / (visits * side.sum()) for side in sides))
        shift[np.abs(centres[1] - centres[0]) <= APART_SE * se] = 0
    return shift, spread[:, None, None]


def sampling_variance(share: Floats, values: Floats, arm: Ints, of: int) -> tuple[float, float]:
    """Return the variance of a log ratio of means because only some of the payloads were visited, and its df.

    `values`: payloads x replicas, in the metric's unit; `of`: number of payloads in the traffic. Visited in random
    order, they are a simple random sample without replacement: the ratio estimator's variance (Cochran, Sampling
    Techniques, 1977, section 6.4). 0 if all were visited; infinite if only one of several was.
    """
    visited = share.size
    if visited >= of or np.unique(arm).size < 2:
        return 0.0, 0.0
    if visited < 2:
        return inf, 1.0
    base, candidate = (share * values[:, arm == side].mean(axis=1) for side in (0, 1))
    apart = candidate - candidate.sum() / base.sum() * base
    squares = float(apart @ apart) / (visited - 1)
    return (1 - visited / of) * visited * squares / float(candidate.sum()) ** 2, visited - 1.0
