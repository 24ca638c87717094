"""How long a turn takes: long against the time in which the queue settles, short enough for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from perfgate.capacity.answer import Bound

_LEAST_TURN_S, _LEAST_LEAD_IN_S = 1.0, 0.25
_SETTLED = 1.5
"""Relaxation times that are left out at the start of a turn."""
_ENOUGH = 0.7
"""Relaxation times without which the start of a turn is too short."""
_LONG = 2.0
"""Length of a turn, in times of its start."""
_FEWEST_REQUESTS = 40
"""Wanted of a turn."""
FEWEST_PAIRS = 40
"""Pairs of turns that must fit into the time."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of a turn's parts."""

    lead_in_s: float
    """Left out: the queue is still filling."""
    turn_s: float
    """Recorded."""
    settles_s: float
    """Relaxation time of a queue with this service time that just keeps the objective."""

    @property
    def whole_s(self) -> float:
        """Length of a turn with its start."""
        return self.lead_in_s + self.turn_s

    @property
    def is_long(self) -> bool:
        """Whether the start that is left out is long enough for the queue to settle."""
        return self.lead_in_s >= _ENOUGH * self.settles_s


def lengths_of(
    bounds: Sequence[Bound], service_ms: float, closed_loop_rps: float, measure_s: float, arms: int
) -> Lengths:
    """Return how long turns are; `service_ms`: median response time without load, `measure_s`: all the time.

    The load at which a queue with a constant service time s keeps a bound t for all but a share p follows from its
    exponential tail, p = exp(-2 (1 - load) / load * t / s); its relaxation time is half of M/M/1's,
    s / (2 (1 - sqrt(load))^2) (Cohen, The Single Server Queue, 2nd ed., 1982, III.7.3).
    """
    service_s = max(service_ms / 1e3, 1e-6)
    settles_s = max((_settles_s(bound, service_s) for bound in bounds if bound.bound_ms), default=0.0)
    most_s = measure_s / (arms * FEWEST_PAIRS)
    turn_s = max(_LEAST_TURN_S, _LONG * _SETTLED * settles_s, _FEWEST_REQUESTS / max(closed_loop_rps, 1e-3))
    lead_in_s = max(_LEAST_LEAD_IN_S, _SETTLED * settles_s)
    longer = (turn_s + lead_in_s) / most_s
    if longer > 1:
        turn_s, lead_in_s = turn_s / longer, lead_in_s / longer
    return Lengths(lead_in_s, turn_s, settles_s)


def _settles_s(bound: Bound, service_s: float) -> float:
    times = max((bound.bound_ms or 0.0) / 1e3 / service_s, 1.0)
    load = 1 / (1 + log(1 / min(bound.share, 0.5)) / (2 * times))
    return service_s / (2 * (1 - sqrt(load)) ** 2)
