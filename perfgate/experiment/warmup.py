"""Warm-up of a server: until no request is the first of its kind, and latency has stopped falling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, nan

import numpy as np
from scipy import stats

from perfgate.loadgen.interface import ClosedLoop, Driver
from perfgate.trials import Call

WINDOW = 40
"""Number of requests in the test; simulated error rates are in docs/explanation/method.md."""
SHORT_WINDOW = 20
"""Enough once half of the time is used: a slow model does not fit 40 requests into its share of the budget."""
TREND_LEVEL = 0.2
"""Level of the trend test. High on purpose: mistaking noise for a trend costs a few requests, the opposite a bias."""
STILL_FALLING = 1.05
MAX_REQUESTS = 400
FIRST_CALL_RATIO = 2.0
"""Ratio of a first call to the second from which it includes one-time work such as compilation."""
FIRST_CALLS_RATIO = 1.5
"""The same for all first calls together."""
HOPELESS = 2.0
"""Projected time of a server's first calls, in multiples of its limit, from which they are abandoned."""
_AT_A_TIME = 5


@dataclass(frozen=True, slots=True)
class Warmth:
    """Outcome of warm-up."""

    requests: int
    seconds: float
    stationary: bool
    warm_ms: float
    """Median of the last 20 requests."""
    cold_requests: int = 0
    """Distinct requests not yet answered twice, if first calls are much slower; else 0."""


def is_stationary(latencies_ms: Sequence[float]) -> bool:
    """Test whether latencies, in order of time, have stopped falling: no downward trend, and no step down.

    The trend test is Mann's (Econometrica 13, 1945, 245), Kendall's tau with time: ranks are robust against spikes, and
    autocorrelation makes it find trends too often, which errs on the side of more warm-up. The medians of both halves
    are compared as well, because the test alone would accept a step that is followed by a spike.
    """
    earlier, later = np.array_split(np.asarray(latencies_ms, np.float64), 2)
    if np.median(earlier) > STILL_FALLING * np.median(later):
        return False
    trend = stats.kendalltau(np.arange(len(latencies_ms)), latencies_ms, alternative="less")
    return not trend.pvalue < TREND_LEVEL  # NaN, if all are equal, is no trend


def has_first_call_cost(first_pass_ms: Sequence[float]) -> bool:
    """Return whether first calls are much slower than second ones; latencies alternate between first and second calls.

    The first pair is left out, because the server's very first request preceded it. Among one or two pairs one slow one
    is enough; later it may be a spike.
    """
    pairs = np.asarray(first_pass_ms[2 : len(first_pass_ms) // 2 * 2], np.float64).reshape(-1, 2)
    slow = (pairs[:, 0] > FIRST_CALL_RATIO * pairs[:, 1]).sum()
    return bool(slow >= min(2, max(1, len(pairs) - 1)) and pairs[:, 0].sum() > FIRST_CALLS_RATIO * pairs[:, 1].sum())


def warm_up(
    driver: Driver, calls: Sequence[Call], clock: Callable[[], float], limit_s: float, first_calls_limit_s: float
) -> Warmth:
    """Send requests, one in flight, until latency is stationary, or the time or the number of requests is used up.

    Before that, each distinct request is sent twice in a row, for at most half of the time. If first calls are slow, as
    in a model that compiles for each shape, this continues up to a limit of its own, unless it would take far longer
    than that. The requests after it are tested.
    """
    began_s = clock()
    twice = [call for call in dict.fromkeys(calls) for _ in range(2)]
    latencies: list[float] = []

    def send(count: int) -> None:
        answers = driver.drive(twice, ClosedLoop(in_flight=1, requests=count), first_call=len(latencies))
        latencies.extend(answers.service_ms.tolist())

    def ended(stationary: bool, left: int = 0) -> Warmth:  # noqa: FBT001 - private
        warm_ms = float(np.median(latencies[-SHORT_WINDOW:])) if latencies else nan
        return Warmth(len(latencies), clock() - began_s, stationary, warm_ms, left)

    slow = False
    while (left := len(twice) - len(latencies)) > 0:
        slow, spent_s = has_first_call_cost(latencies), clock() - began_s
        if spent_s > (first_calls_limit_s if slow else limit_s / 2):
            break
        pace_s = spent_s / max(1, ceil(len(latencies) / 2))
        if slow and spent_s > limit_s and pace_s * len(twice) / 2 > HOPELESS * first_calls_limit_s:
            break
        send(min(_AT_A_TIME, left))
    slow = slow or has_first_call_cost(latencies)
    if slow and left > 0:
        return ended(stationary=False, left=ceil(left / 2))
    paid, steady_s = (len(latencies), clock()) if slow else (0, began_s)
    while True:
        spent_s, steady = clock() - steady_s, latencies[paid:]
        enough = WINDOW if spent_s < limit_s / 2 else SHORT_WINDOW
        stationary = len(steady) >= enough and is_stationary(steady[-WINDOW:])
        if stationary or spent_s > limit_s or len(steady) >= MAX_REQUESTS:
            return ended(stationary)
        send(_AT_A_TIME)
