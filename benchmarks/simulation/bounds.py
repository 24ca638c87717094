"""The rules for objectives, before and now: whether a maximum is met, and whether it is missed."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from perfgate.gate.interim import NominalLevels
from perfgate.gate.objectives import judge_objective
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Objective
from perfgate.stats.binomial import design_effect, lower_share, upper_share
from perfgate.stats.lognormal import upper_mean
from perfgate.stats.table import Floats, TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import requests, trial

Rule = Callable[[tuple[Floats, ...], float, float], tuple[bool, bool]]
_OFFSET_MS = 10.0


def percentiles(quantile: float) -> tuple[Rule, Rule]:
    """Apply both rules to a percentile, with a bound of 0 shifted to where times are positive."""
    name = f"latency_p{100 * quantile:.0f}_ms"

    def before(series: tuple[Floats, ...], bound: float, alpha: float) -> tuple[bool, bool]:
        return _of_share([values > bound for values in series], 1 - quantile, alpha)

    def now(series: tuple[Floats, ...], bound: float, alpha: float) -> tuple[bool, bool]:
        rows = [[_OFFSET_MS + values, np.zeros(values.size)] for values in series]
        return _judged(name, rows, _OFFSET_MS + bound, alpha)

    return before, now


def shares() -> tuple[Rule, Rule]:
    """Apply both rules to a share of failures."""

    def before(series: tuple[Floats, ...], bound: float, alpha: float) -> tuple[bool, bool]:
        return _of_share([values > 0 for values in series], bound, alpha)

    def now(series: tuple[Floats, ...], bound: float, alpha: float) -> tuple[bool, bool]:
        return _judged("error_rate", [[np.ones(values.size), 14 * values] for values in series], bound, alpha)

    return before, now


def means() -> tuple[Rule, Rule]:
    """Apply both rules to a mean over servers."""

    def before(series: tuple[Floats, ...], bound: float, alpha: float) -> tuple[bool, bool]:
        mean, half = _t_interval(series[0], alpha)
        return mean + half <= bound, mean - half > bound

    def now(series: tuple[Floats, ...], bound: float, alpha: float) -> tuple[bool, bool]:
        mean, half = _t_interval(series[0], alpha)
        return max(mean + half, upper_mean(series[0], alpha)) <= bound, mean - half > bound

    return before, now


def _t_interval(values: Floats, alpha: float) -> tuple[float, float]:
    se = float(values.std(ddof=1)) / sqrt(values.size)
    return float(values.mean()), float(stats.t.isf(alpha, values.size - 1)) * se


def _of_share(marked: list[NDArray[np.bool_]], share: float, alpha: float) -> tuple[bool, bool]:
    """Treat a server's requests as independent draws, except for the design effect over servers at the bound."""
    hits = np.array([each.sum() for each in marked], np.float64)
    counts = np.array([each.size for each in marked], np.float64)
    effect = design_effect(hits, counts)
    seen, count = hits.sum() / effect, counts.sum() / effect
    return upper_share(seen, count, alpha) <= share, lower_share(seen, count, alpha) > share


def _judged(name: str, rows: list[list[Floats]], bound: float, alpha: float) -> tuple[bool, bool]:
    """Let the gate decide, as in a run."""
    table = TrialTable.of(
        [
            trial(0, Arm.CANDIDATE, number, requests(times, status), Lane.LOAD, Depth.REQUEST)  # type: ignore[arg-type]
            for number, (times, status) in enumerate(rows)
        ]
    )
    verdict = judge_objective(BY_NAME[name], Objective(max=bound), table, NominalLevels(alpha, alpha)).verdict
    return verdict is Verdict.PASS, verdict is Verdict.FAIL
