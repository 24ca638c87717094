"""The mean over a scenario's requests: robust within each payload, then averaged over payloads by their traffic.

Robustness never reaches across payloads: a regression that hits two of sixteen payloads is a regression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from perfgate.stats.table import Floats, Ints
from perfgate.stats.values import Mask

LEVEL_TRIM = 0.1
"""Of an arm's replicas in one block. With medians in place of trimmed means standard errors are 5 % too small."""
FAR_SD = 2.5
"""An execution further away counts as so far: of normal noise 1.2 % are, and the mean loses 1 % of its efficiency."""
APART_SE = 3.0
"""Arms that are further apart in one payload than over all have a level of their own there."""
_FEW = 20
"""Values of a payload that tell its spread; with fewer, all payloads tell it together."""
_SD_OF_MAD = 1.4826
_SE_OF_MEDIAN = 1.2533


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Log values of one source, blocks x replicas, all finite, and which payload each block sent."""

    logs: Floats
    arm: Ints
    """Of each replica: index into `ARMS`."""
    payload: Ints
    """Of each block; -1 where it is not known, or where a block has several."""


@dataclass(frozen=True, eq=False)
class PayloadMeans:
    """Each replica's mean within each payload, relative to a level that all replicas share."""

    number: Ints
    """Of each payload, ascending."""
    share: Floats
    """Of the traffic, adding up to 1."""
    log_level: Floats
    """Mean over the payload's blocks of the blocks' levels."""
    log_mean: Floats
    """Payloads x replicas."""

    @cached_property
    def weight(self) -> Floats:
        """Share of all time that each payload takes, adding up to 1."""
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
    """Give each block's level, from its log values, blocks x replicas: the mean of the arms' 10 % trimmed means.

    A level over both arms at once would follow the replicas of either arm that lie near it, and so draw the arms
    together (docs/method.md).
    """
    sides = [stats.trim_mean(logs[:, arm == each], LEVEL_TRIM, axis=1) for each in np.unique(arm)]
    return np.asarray(np.mean(sides, axis=0), np.float64)


def drawn_in(blocks: Blocks) -> tuple[Floats, Floats]:
    """Give log values relative to their block's level, those far out drawn in, and the levels.

    A value counts as `FAR_SD` robust standard deviations from its place where it lies further out (Huber, Annals of
    Mathematical Statistics 35, 1964, 73). Its place is the replica's median, shifted by what the arms differ by in this
    payload and not in the others, where they surely do: what a change does to a payload is never drawn in.
    """
    level = block_level(blocks.logs, blocks.arm)
    relative = blocks.logs - level[:, None]
    own = np.median(relative, axis=0)
    rest = relative - own
    pooled = _SD_OF_MAD * float(np.median(np.abs(rest)))
    for rows in _alike(blocks.payload):
        rest[rows] = _drawn_in(rest[rows], blocks.arm, pooled)
    return rest + own, level


def payload_means(blocks: Blocks, shares: Sequence[float] = ()) -> PayloadMeans:
    """Average each replica's visits within each payload; `shares` of the traffic by payload, else as often as seen."""
    values, level = drawn_in(blocks)
    number, index, visits = np.unique(blocks.payload, return_inverse=True, return_counts=True)
    share = visits / visits.sum()
    if shares and number[0] >= 0 and number[-1] < len(shares):
        share = np.asarray(shares)[number] / np.asarray(shares)[number].sum()
    sums = np.zeros((number.size, values.shape[1]))
    np.add.at(sums, index, values)
    return PayloadMeans(number, share, np.bincount(index, weights=level) / visits, sums / visits[:, None])


def _alike(payload: Ints) -> Iterator[Ints]:
    """Give the payloads that have the same number of blocks: payloads x visits, indices of blocks."""
    order = np.argsort(payload, kind="stable")
    visits = np.unique_counts(payload).counts
    first = np.cumsum(visits) - visits
    for count in np.unique(visits):
        yield order[first[visits == count][:, None] + np.arange(count)]


def _drawn_in(rest: Floats, arm: Ints, pooled: float) -> Floats:
    """Draw in what lies far out: payloads x visits x replicas."""
    payloads, visits, replicas = rest.shape
    sides: list[Mask] = [arm == each for each in np.unique(arm)]
    centres = [np.median(rest[:, :, side].reshape(payloads, -1), axis=1) for side in sides]
    place = np.zeros((payloads, 1, replicas))
    for side, centre in zip(sides, centres, strict=True):
        place[:, :, side] = centre[:, None, None]
    spread = np.full(payloads, pooled)
    if visits * replicas >= _FEW:
        spread = _SD_OF_MAD * np.median(np.abs(rest - place).reshape(payloads, -1), axis=1)
    if len(sides) > 1:
        se = _SE_OF_MEDIAN * spread * np.sqrt(sum(1 / (visits * side.sum()) for side in sides))
        place[np.abs(centres[1] - centres[0]) <= APART_SE * se] = 0
    far = FAR_SD * spread[:, None, None]
    return np.asarray(place + np.clip(rest - place, -far, far), np.float64)
