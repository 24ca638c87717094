"""When more time would hardly decide a metric any more: its lane need not wait for it."""

from __future__ import annotations

from math import isfinite, sqrt

from perfgate.gate.case import Case
from perfgate.stats.contrast import half_width

FIRST_FRACTION = 0.5
"""Of the lane's time: before, too little is known of what time buys."""
LUCK_SD = 1.64
"""So far the estimate may still move towards a decision: in one run of twenty it moves further."""


def is_futile(case: Case, family: int) -> bool:
    """Say whether the rest of the lane's time would decide in at most one run of twenty, if the estimate is right.

    It costs no level, for nothing is declared (non-binding futility: Jennison & Turnbull, Group Sequential Methods,
    2000, section 10). The squared standard error is what processes differ by, which time leaves, and the requests'
    noise, which falls with time. `family`: among so many metrics a failure is held to its share of alpha.
    """
    history, effect = case.history, case.effect
    fraction = history.fractions[-1]
    if case.effect.counts is not None or fraction < FIRST_FRACTION or not isfinite(effect.log_se):
        return False
    lasting = min(effect.lasting_se, effect.log_se) ** 2 if isfinite(effect.lasting_se) else 0.0
    noise = (effect.log_se**2 - lasting) * fraction  # at the end of the lane
    level = case.alpha / family if case.beyond > 0 else case.alpha
    half = half_width(sqrt(lasting + noise), effect.df, level)
    luck = LUCK_SD * sqrt(noise * (1 / fraction - 1))
    return abs(case.beyond) + luck < half
