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
    """Point estimate: candidate/baseline - 1, 0.05 is +5 %; or candidate - baseline in the metric's unit where `scale`
    is the difference."""
    lower: float
    """One-sided lower bound at level `alpha`, of the same kind as `change`: the one that decides, by all looks."""
    upper: float
    """The upper one."""
    alpha: float
    """Level of each bound: the share of runs in which it misses the truth, at most."""
    log_change: float
    """The change on its scale: its log, or where `scale` is the difference the change itself."""
    log_se: float
    """Standard error on that scale."""
    df: float
    """Welch-Satterthwaite degrees of freedom."""
    baseline_value: float
    """In the metric's unit: median over replicas of each replica's own typical value."""
    candidate_value: float
    """The same of the candidate."""
    baseline_replicas: tuple[float, ...]
    """One number a replica on that scale: relative to the block's level, else the plain value or its log."""
    candidate_replicas: tuple[float, ...]
    """The same of the candidate."""
    sign_flip_p: float
    """Two-sided p of the sign-flip permutation over counterbalanced pairs, the cross-check; NaN without pairs."""
    state: State
    """`cold`, `warm` or `under load`."""
    source: str
    """Where it was measured, a `Source` value."""
    scale: Scale = Scale.RATIO
    """How the arms are compared: by ratio or by difference."""
    occasion: OccasionSpread | None = None
    """What occasions differ by, as the interval has it; None where both arms were measured on one occasion."""
    counts: Counts | None = None
    """What a share of requests was counted from: its bounds are exact, `log_se` and `df` are for planning only."""
    ci95_lower: float = nan
    """Two-sided 95 % interval of all that was measured, of the same kind: it describes, it decides nothing."""
    ci95_upper: float = nan
    """Its upper end."""
    lasting_se: float = nan
    """The part of `log_se` that more time leaves: what processes of one model differ by. NaN where it is not known."""
