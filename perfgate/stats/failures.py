"""Failed requests of one arm, which come in bursts: how many independent ones they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfgate.stats.binomial import design_effect
from perfgate.stats.clusters import batches
from perfgate.stats.per_trial import Mask
from perfgate.stats.summarise import failures_by_replica
from perfgate.stats.table import Columns, Floats

LONGEST_BURST = 20
"""Length of a burst that few failures, or none, cannot rule out."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed and all requests of one arm in one source."""

    failed: float
    requests: float
    effect: float
    """Design effect: the number of these requests that are worth one independent one."""
    batches: int
    """Number of parts of the servers' requests, in order of time, from which the effect is estimated."""

    @property
    def share(self) -> float:
        """Share of failed requests."""
        return self.failed / self.requests


def failures_in(columns: Columns, rows: Mask) -> Failures:
    """Count the failures among some trials of one arm; at least one request."""
    replicas = failures_by_replica(columns, rows)
    parts = batches(columns, rows, columns.failed.astype(np.float64))
    each = np.array([part.sum() for part in parts]), np.array([part.size for part in parts], np.float64)
    failed, requests = (float(total.sum()) for total in replicas)
    return Failures(failed, requests, burst_effect(replicas, each), len(parts))


def burst_effect(replicas: tuple[Floats, Floats], parts: tuple[Floats, Floats]) -> float:
    """Return the design effect of a share of failures, from failed and all requests of each replica and each batch.

    The larger of the two, or the effect with one more burst of 20, (n effect + 400) / (n + 20) with n failures, if that
    is larger: no failures, or a few single ones, tell little about bursts.
    """
    failed = float(parts[0].sum())
    seen = max(design_effect(*replicas), design_effect(*parts))
    return max(seen, (failed * seen + LONGEST_BURST**2) / (failed + LONGEST_BURST))
