"""Detection of overload: whether an arm kept up with an open loop, by how long requests waited at worst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate.cautions import CautionKind
from perfgate.experiment.plan import Plan
from perfgate.formatting import duration, given, number
from perfgate.trials import Arm, Caution, Requests

_OF_A_TURN = 0.25
_LONG_TURN_S = 2.0
_PARTS = 10
_STEADY = ("constant", "poisson", "gamma")


def overload_caution(arm: Arm, turns: Sequence[Requests], plan: Plan) -> Caution | None:
    """Warn of an arm whose requests waited too long: more than a quarter of a turn, of 2 s, or half of the deadline.

    The smallest of the three is the limit for the median over turns; nothing waits longer than the deadline. Each turn
    must have requests.
    """
    if not turns:
        return None
    waits_s, rates_rps = np.transpose([_worst_wait(turn, plan) for turn in turns])
    waited_s, turn_s = float(np.median(waits_s)), plan.turn_s
    if waited_s <= min(_OF_A_TURN * min(turn_s, _LONG_TURN_S), plan.load.deadline_s / 2):
        return None
    if plan.load.arrivals in _STEADY:
        return CautionKind.OVERLOAD.caution(
            arm=arm, rate=given(plan.load.rate_rps), turn=duration(turn_s), waited=duration(waited_s)
        )
    return CautionKind.OVERLOAD_AT_PEAK.caution(
        arm=arm, rate=number(float(np.median(rates_rps))), waited=duration(waited_s)
    )


def _worst_wait(turn: Requests, plan: Plan) -> tuple[float, float]:
    """Return how long the requests of a turn's worst tenth waited, in s (median), and their rate.

    Waiting is a response time minus the turn's fastest, that of a request that found no queue. At a steady rate only
    the last tenth counts: a burst that is worked off is no overload.
    """
    parts = np.array_split(np.arange(turn.status.size), min(_PARTS, turn.status.size))
    begins_s = [*(turn.scheduled_s[part[0]] for part in parts), max(plan.turn_s, turn.scheduled_s[-1])]
    responses_ms = [float(np.median(turn.response_ms[part])) for part in parts]
    worst = len(parts) - 1 if plan.load.arrivals in _STEADY else int(np.argmax(responses_ms))
    span_s = begins_s[worst + 1] - begins_s[worst]
    rate_rps = parts[worst].size / span_s if span_s > 0 else np.inf
    return (responses_ms[worst] - float(turn.service_ms.min())) / 1e3, rate_rps
