"""Effect of the candidate on one metric."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from perfgate.metrics import Scale
from perfgate.stats.prediction import OccasionSpread
from perfgate.stats.proportion import Counts
from perfgate.trials import State


@dataclass(frozen=True, slots=True)
class Effect:
    """Change of one metric from the baseline to the candidate, with one-sided bounds."""

    metric: str
    """Name in the metrics table."""
    change: float
    """Point estimate: candidate/baseline - 1, so 0.05 is +5 %; or, if `scale` is `difference`, candidate - baseline in
    the metric's unit."""
    lower: float
    """One-sided lower bound of the change at level `alpha`, over all looks; the bound that decides."""
    upper: float
    """One-sided upper bound of the change."""
    alpha: float
    """Error level of each bound: the largest share of runs in which it misses the true change."""
    log_change: float
    """The change on its scale: its log, or the change itself if `scale` is `difference`."""
    log_se: float
    """Standard error of the change, on the same scale."""
    df: float
    """Welch-Satterthwaite degrees of freedom."""
    baseline_value: float
    """Value of the baseline in the metric's unit: the median of the replicas' typical values."""
    candidate_value: float
    """Value of the candidate, likewise."""
    baseline_replicas: tuple[float, ...]
    """One number per replica on the same scale: relative to the level of its blocks, otherwise the value or its log."""
    candidate_replicas: tuple[float, ...]
    """The same for the candidate."""
    sign_flip_p: float
    """Two-sided p-value of a sign-flip permutation test over counterbalanced pairs, a cross-check; NaN: no pairs."""
    state: State
    """State of the servers: `cold`, `warm` or `under load`."""
    source: str
    """Where the metric was measured: a lane and depth such as `cost/execute`, `start` or `model`."""
    scale: Scale = Scale.RATIO
    """How the arms are compared: by ratio or by difference."""
    occasion: OccasionSpread | None = None
    """Variation between occasions as included in the interval; None if both arms were measured on one occasion."""
    counts: Counts | None = None
    """Counts behind a share of requests: its bounds are exact, and `log_se` and `df` are for planning only."""
    ci95_lower: float = nan
    """Lower end of the two-sided 95 % interval of the change over the whole run, for description only."""
    ci95_upper: float = nan
    """Upper end of that interval."""
    lasting_se: float = nan
    """The part of `log_se` that more time does not reduce: variation between processes of one model. NaN: not known."""
