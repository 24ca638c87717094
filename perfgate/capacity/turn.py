"""One turn: what one server showed at one rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Arm

Floats = NDArray[np.float64]


class Stage(StrEnum):
    """Why a turn was made at its rate."""

    SWEEP = "sweep"  # a ladder of rates: the curve, and where to search
    SEARCH = "search"  # near the capacity as estimated so far
    TEST = "test"  # at rates that are fixed before their first turn


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed beside the requests; NaN if unknown."""

    cpu_cores: float = nan
    memory_mb: float = nan
    batch_size: float = nan
    queue_share: float = nan
    generator_cores: float = nan
    send_lag_ms: float = nan
    """99th percentile."""
    generator_bound: bool = False
    """Whether the load generator, not the server, decided the response times."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The recorded part of a turn; its start, in which the queue fills, is left out."""

    arm: Arm
    pair: int
    """Number of the server in its arm; servers of the same number form a pair."""
    number: int
    """Number of the pair of turns in order of time, from 0: both arms had the same rate and arrivals."""
    stage: Stage
    rate_rps: float
    """Rate of the arrival process."""
    instants_s: Floats
    """All arrivals, ascending from 0, those of the start included."""
    response_ms: Floats
    """Response times of the recorded requests, in order of arrival; failed ones as their deadline."""
    missed: tuple[int, ...]
    """Recorded requests that missed each bound."""
    failed: int = 0
    """Recorded requests that failed."""
    halves: tuple[int, int] = (0, 0)
    """Recorded requests that missed the first bound, in the first and in the second half of the recorded time."""
    achieved_rps: float = nan
    in_flight: float = nan
    """Mean number of requests in flight over the recorded time."""
    growth: float = 0.0
    """Requests in flight at the end minus at the beginning of the recorded time, over those recorded."""
    overloaded: bool = False
    """Whether the backlog grew all the time: every request then counts as one that missed each bound of time."""
    seen: Seen = field(default_factory=Seen)

    @property
    def requests(self) -> int:
        """Number of recorded requests."""
        return self.response_ms.size


def backlog_grows(in_flight: tuple[int, int, int], requests: int) -> bool:
    """Return whether a server does not keep up, from the requests in flight at three instants half a turn apart.

    Sooner or later all requests miss their objective there, even if within the turn none did. Arrivals and answers of
    a server that keeps up are at most about as irregular as Poisson processes, so their difference over the turn has a
    variance of two for each request; beyond four standard deviations, and one in each half, it is no chance.
    """
    first, middle, last = in_flight
    chance = sqrt(2 * requests)
    return last - first > 4 * chance and min(middle - first, last - middle) > chance
