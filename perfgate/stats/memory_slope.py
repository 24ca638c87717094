"""Growth of a server's memory with the requests that it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfgate.stats.per_trial import Mask, Units, trial_values, units_of
from perfgate.stats.table import Columns, Floats, Ints

_PER_1K = 1000.0
LUMP_MB = 0.125
"""The least that glibc's heap requests from the kernel at a time: M_TOP_PAD of mallopt(3)."""
GIVEN_BACK_MB = 1.0
"""A decrease from which a server counts as having returned memory: its growth begins anew there."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Readings of resident memory within one lane, in order of time."""

    units: Units
    unit: Ints
    """Index into `units`."""
    served: Ints
    """Requests that the replica had answered since the first trial of any lane."""
    rss_mb: Floats

    @property
    def span(self) -> float:
        """Requests between a replica's first and last reading, median over replicas: more make a slope more precise."""
        each = [np.ptp(self.served[self.unit == number]) for number in range(self.units.arm.size)]
        return float(np.median(each)) if each else 0.0

    @property
    def resolution(self) -> float:
        """Standard deviation of a slope, MiB per 1,000 requests, if only the instants of allocations vary."""
        return _PER_1K * LUMP_MB / 2 / self.span

    @property
    def slopes(self) -> Floats:
        """Theil-Sen slope of each replica, MiB per 1,000 requests; NaN for a single reading.

        Sen, JASA 63 (1968) 1379; over pairs of readings without returned memory between them, as Hirsch, Slack & Smith
        (Water Resources Research 18, 1982, 107) take pairs within a season.
        """
        each = (self._slope(self.unit == number) for number in range(self.units.arm.size))
        return _PER_1K * np.fromiter(each, np.float64)

    def _slope(self, mine: Mask) -> float:
        served, rss_mb = self.served[mine], self.rss_mb[mine]
        stretch = np.concatenate([[0], np.cumsum(np.diff(rss_mb) < -GIVEN_BACK_MB)])
        first, second = np.triu_indices(served.size, 1)
        usable = (stretch[first] == stretch[second]) & (served[first] < served[second])
        rise, run = (values[second][usable] - values[first][usable] for values in (rss_mb, served))
        return float(np.median(rise / run)) if usable.any() else float("nan")


def readings(columns: Columns, rows: Mask) -> Readings:
    """Take the readings from the trials of one lane: a new lane touches new memory once, which is not growth."""
    rss_mb = trial_values(columns, "rss_mb")
    read = rows & np.isfinite(rss_mb)
    units, unit = units_of(columns, read)
    return Readings(units, unit, _served(columns)[read], rss_mb[read])


def _served(columns: Columns) -> Ints:
    """Count the requests that a trial's replica had answered by its end, since its first trial."""
    _, unit = units_of(columns, np.ones(columns.requests.size, np.bool_))
    order = np.argsort(unit, kind="stable")
    total = np.cumsum((columns.requests + columns.unrecorded)[order])
    sizes = np.bincount(unit)
    before = np.concatenate([[0], total])[np.cumsum(sizes) - sizes]
    served = np.empty_like(total)
    served[order] = total - np.repeat(before, sizes)
    return served
