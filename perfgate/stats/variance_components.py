"""Where the spread of a metric comes from: requests, replicas, fork servers, occasions."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations of one metric by what varies, on its scale: logs, or differences in its unit.

    NaN where it could not be told.
    """

    metric: str
    request_sd: float
    """Of one trial of a replica around the replica's own level, what the block does to everybody taken out.

    As it counts: request_sd / sqrt(n) is the standard error of a replica's number over n trials, autocorrelation and
    the estimator's efficiency included.
    """
    replica_sd: float
    """Of replicas of one model around their fork server's level, the requests' own noise taken out."""
    parent_sd: float = nan
    """Of fork servers."""
    occasion_sd: float = nan
    """Of the same model measured again at another time, the replicas' own spread taken out."""
    trials_per_s: float = nan
    """Recorded trials of one replica in a second of its lane; with `request_sd` this says what time buys."""
    start_slope: float = nan
    """Change from the first to the last start position, in one run."""
    occasions: int = 1
    """Runs that the numbers come from."""
    occasion_sd_lower: float = nan
    """This and the next: a 95 % interval of `occasion_sd`, NaN with one run."""
    occasion_sd_upper: float = nan
    start_slope_lower: float = nan
    """This and the next: a 95 % interval of `start_slope` over these runs."""
    start_slope_upper: float = nan
    replicas: int = 0
    """Per arm, in one run, that had this metric's trials; 0: not known."""
    source: str = ""
    """Where it was measured, a `perfgate.metrics.Source` value."""
    typical: float = nan
    """In the metric's unit: median over the servers of all runs."""
    method: int = 1
    """By which rules its numbers come about, as in `perfgate.stats.summary.Typical`."""
