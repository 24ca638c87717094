"""Sources of the spread of a metric: requests, replicas, fork servers, occasions."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations of one metric by source of variation, on its scale: logs, or differences in its unit.

    NaN if it could not be estimated.
    """

    metric: str
    request_sd: float
    """One trial of a replica around the replica's own level, without the block's effect on all.

    As it counts: request_sd / sqrt(n) is the standard error of a replica's number over n trials, including
    autocorrelation and the estimator's efficiency.
    """
    replica_sd: float
    """Replicas of one model around their fork server's level, without the requests' own noise."""
    parent_sd: float = nan
    """Fork servers."""
    occasion_sd: float = nan
    """The same model measured again at another time, without the replicas' own spread."""
    trials_per_s: float = nan
    """Recorded trials of one replica in a second of its lane; with `request_sd`, determines the effect of more time."""
    start_slope: float = nan
    """Change from the first to the last start position, in one run."""
    occasions: int = 1
    """Number of runs behind these numbers."""
    occasion_sd_lower: float = nan
    """This and the next: a 95% interval of `occasion_sd`, NaN with one run."""
    occasion_sd_upper: float = nan
    start_slope_lower: float = nan
    """This and the next: a 95% interval of `start_slope` over these runs."""
    start_slope_upper: float = nan
    replicas: int = 0
    """Replicas per arm, in one run, that had this metric's trials; 0: unknown."""
    source: str = ""
    """Where it was measured, a `perfgate.metrics.Source` value."""
    typical: float = nan
    """In the metric's unit: median over the servers of all runs."""
    method: int = 1
    """Version of the method behind its numbers, as in `perfgate.stats.summary.Typical`."""
