"""From visits to one number a replica, and from replicas to a difference with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from perfgate.explain.explanation import Interval
from perfgate.explain.steps import Floats
from perfgate.explain.traces import Traced
from perfgate.trials import Arm

CONFIDENCE = 0.99
ALPHA = 0.01
"""Probability that any of the unchanged operations is named (Holm, Scandinavian Journal of Statistics 6, 1979, 65)."""
_TRIMMED = 0.2
"""Share of a replica's visits that is left out at either end: executions that something interrupted."""


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Candidate minus baseline for several quantities."""

    means: Floats
    """Arms x quantities."""
    estimate: Floats
    se: Floats
    df: Floats

    def interval(self, number: int) -> Interval:
        """Return the two-sided interval of one quantity."""
        half = float(-special.stdtrit(self.df[number], (1 - CONFIDENCE) / 2) * self.se[number])
        estimate = float(self.estimate[number])
        return Interval(estimate, estimate - half, estimate + half)

    def p_values(self) -> Floats:
        """Return two-sided p-values; 1 where both arms are constant and equal."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.estimate == 0, 0.0, np.abs(self.estimate) / self.se)
        return np.asarray(2 * special.stdtr(self.df, -t), np.float64)


_LOW = 3
"""A request's level is its visits' lower third, not their median: of six visits, three that something interrupted would
move the median of all replicas of an arm alike, which no spread between them shows.
"""


def per_replica(values: Floats, traced: Traced) -> tuple[Floats, Floats]:
    """Return one row a replica of each arm: level of each request, plus a trimmed mean of the distances from it.

    Robust within each request only, so a request that is slow whenever it comes counts in full; each request weighs as
    much as any other, however often it came.
    """
    baseline, candidate = (replica_rows(values, traced, arm) for arm in Arm)
    return baseline, candidate


def replica_rows(values: Floats, traced: Traced, arm: Arm) -> Floats:
    """Return the same for one arm: one row a replica."""
    mine = traced.arm == (arm is Arm.CANDIDATE)
    values, request, replica = values[mine], traced.request[mine], traced.replica[mine]
    distances, level = values.copy(), np.zeros(values.shape[1])
    requests = np.unique(request)
    for each in requests:
        rows = request == each
        place = (np.count_nonzero(rows) - 1) // _LOW
        low = np.partition(values[rows], place, axis=0)[place]
        distances[rows] -= low
        level += low / requests.size
    return np.array([level + _trimmed_mean(distances[replica == each]) for each in np.unique(replica)])


def _trimmed_mean(values: Floats) -> Floats:
    cut = int(_TRIMMED * len(values))
    kept = np.sort(values, axis=0)[cut : len(values) - cut]
    return np.asarray(kept.mean(axis=0), np.float64)


def differences(baseline: Floats, candidate: Floats) -> Differences:
    """Compare replicas by Welch's t, each column by itself (perfgate.stats.contrast.welch, for many at once)."""
    arms = baseline, candidate
    means = np.array([arm.mean(axis=0) for arm in arms])
    parts = [arm.var(axis=0, ddof=1) / len(arm) for arm in arms]
    whole = parts[0] + parts[1]
    below = parts[0] ** 2 / (len(baseline) - 1) + parts[1] ** 2 / (len(candidate) - 1)
    fewest = float(min(len(arm) for arm in arms) - 1)
    df = np.divide(whole**2, below, out=np.full(whole.shape, fewest), where=below > 0)
    return Differences(means, means[1] - means[0], np.sqrt(whole), df)


def holm(p_values: Floats, alpha: float) -> NDArray[np.bool_]:
    """Return which hypotheses are rejected so that any false one among them has at most this probability."""
    order = np.argsort(p_values, kind="stable")
    passes = p_values[order] <= alpha / np.arange(p_values.size, 0, -1)
    rejected = np.zeros(p_values.size, np.bool_)
    rejected[order] = np.logical_and.accumulate(passes)
    return rejected
