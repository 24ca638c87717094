"""When is a fresh server warm: when its latency has stopped falling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from perfgate.load.interface import ClosedLoop, Driver
from perfgate.trials import Call

WINDOW = 10
STILL_FALLING = 1.05
MAX_REQUESTS = 400


@dataclass(frozen=True, slots=True)
class Warmth:
    """How warm-up went."""

    requests: int
    seconds: float
    stationary: bool


def is_stationary(latencies_ms: Sequence[float], window: int = WINDOW) -> bool:
    """Compare the medians of the last two windows: stationary when the newer is not 5 % lower."""
    if len(latencies_ms) < 2 * window:
        return False
    earlier, later = np.median(np.reshape(latencies_ms[-2 * window :], (2, window)), axis=1)
    return bool(earlier <= STILL_FALLING * later)


def warm_up(driver: Driver, calls: Sequence[Call], clock: Callable[[], float], limit_s: float) -> Warmth:
    """Send requests, one in flight, until latency is stationary, or the time or the number of requests is up."""
    began_s = clock()
    latencies: list[float] = []
    while not is_stationary(latencies):
        if clock() - began_s > limit_s or len(latencies) >= MAX_REQUESTS:
            return Warmth(len(latencies), clock() - began_s, stationary=False)
        answers = driver.drive(calls, ClosedLoop(in_flight=1, requests=WINDOW // 2), first_call=len(latencies))
        latencies.extend(answers.service_ms.tolist())
    return Warmth(len(latencies), clock() - began_s, stationary=True)
