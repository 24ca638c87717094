"""Effect of the candidate on one metric."""

from __future__ import annotations

from dataclasses import dataclass

from perfgate.trials import State


@dataclass(frozen=True, slots=True)
class Effect:
    """Relative change candidate/baseline - 1 of one metric, with one-sided bounds."""

    metric: str
    change: float
    """Point estimate, as a share: 0.05 is +5 %."""
    lower: float
    upper: float
    """One-sided bounds, each at level `alpha`, as shares."""
    alpha: float
    log_change: float
    log_se: float
    """Standard error on the log scale."""
    df: float
    """Welch-Satterthwaite degrees of freedom."""
    baseline_value: float
    candidate_value: float
    """In the metric's unit: median over replicas of each replica's own typical value."""
    baseline_replicas: tuple[float, ...]
    candidate_replicas: tuple[float, ...]
    """One number a replica, log scale: relative to the block median, else the plain log value."""
    sign_flip_p: float
    """Two-sided p of the sign-flip permutation over counterbalanced pairs, the cross-check; NaN without pairs."""
    state: State
    source: str
    """Where it was measured, a `Source` value."""
