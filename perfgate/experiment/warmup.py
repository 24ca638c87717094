"""When is a fresh server warm: when its latency has stopped falling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from scipy import stats

from perfgate.load.interface import ClosedLoop, Driver
from perfgate.trials import Call

WINDOW = 40
"""Requests that the test looks at; simulated rates of its errors stand in docs/method.md."""
SHORT_WINDOW = 20
"""Enough where half of the time is up: a slow model does not get 40 requests into its share of the budget."""
TREND_LEVEL = 0.2
"""Of the trend test. High on purpose: to take noise for a trend costs a few more requests, the other mistake a bias."""
STILL_FALLING = 1.05
MAX_REQUESTS = 400
_AT_A_TIME = 5


@dataclass(frozen=True, slots=True)
class Warmth:
    """How warm-up went."""

    requests: int
    seconds: float
    stationary: bool
    warm_ms: float
    """Median of the last 20 requests."""


def is_stationary(latencies_ms: Sequence[float]) -> bool:
    """Test whether latencies, in order of time, have stopped falling: no downward trend, and no step down.

    The trend test is Mann's (Econometrica 13, 1945, 245), Kendall's tau with time: ranks do not mind spikes, and
    autocorrelation makes it find trends too often, which errs on the side of more warm-up. The medians of both halves
    are compared as well: the test alone would pass a step that a spike follows.
    """
    earlier, later = np.array_split(np.asarray(latencies_ms, np.float64), 2)
    if np.median(earlier) > STILL_FALLING * np.median(later):
        return False
    trend = stats.kendalltau(np.arange(len(latencies_ms)), latencies_ms, alternative="less")
    return not trend.pvalue < TREND_LEVEL  # NaN, where all are equal, is no trend


def warm_up(driver: Driver, calls: Sequence[Call], clock: Callable[[], float], limit_s: float) -> Warmth:
    """Send requests, one in flight, until latency is stationary, or the time or the number of requests is up."""
    began_s = clock()
    latencies: list[float] = []
    while True:
        spent_s = clock() - began_s
        enough = WINDOW if spent_s < limit_s / 2 else SHORT_WINDOW
        stationary = len(latencies) >= enough and is_stationary(latencies[-WINDOW:])
        if stationary or spent_s > limit_s or len(latencies) >= MAX_REQUESTS:
            warm_ms = float(np.median(latencies[-SHORT_WINDOW:])) if latencies else nan
            return Warmth(len(latencies), spent_s, stationary, warm_ms)
        answers = driver.drive(calls, ClosedLoop(in_flight=1, requests=_AT_A_TIME), first_call=len(latencies))
        latencies.extend(answers.service_ms.tolist())
