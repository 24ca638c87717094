"""Whether turns are long enough: their first half must look like the second, and no backlog may grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log, sqrt

import numpy as np
from scipy import special

from perfgate.capacity.answer import ArmCapacity, Bound, CapacityKind
from perfgate.capacity.lengths import Lengths
from perfgate.capacity.turn import Floats, Turn
from perfgate.formatting import duration, number, share

_NEAR = 0.15
"""Distance from the capacity, in logarithms, within which turns count."""
_LEVEL = 0.01
"""Error level for each version, two-sided, by Student's t over servers."""
_FEWEST_SERVERS = 4


def length_notes(lengths: Lengths, arms: Sequence[ArmCapacity]) -> Iterator[str]:
    """Yield a note if a capacity was estimated from turns that are short for the queue."""
    if not lengths.is_long and any(arm.kind is CapacityKind.ESTIMATED for arm in arms):
        yield (
            f"Turns of {duration(lengths.whole_s)} are short: a queue that just keeps the objective settles in about "
            f"{duration(lengths.settles_s)}, so the capacity may be estimated too high; give it more time (--budget)."
        )


def steadiness_notes(turns: Sequence[Turn], arms: Sequence[ArmCapacity], metric: str) -> Iterator[str]:
    """Yield a note for each version whose turns near its capacity begin otherwise than they end.

    `metric`: the first objective, whose misses are counted by halves; versions that another one limits are left out.
    """
    for arm in arms:
        if arm.kind is not CapacityKind.ESTIMATED or arm.objective != metric:
            continue
        near = [t for t in turns if t.arm is arm.arm and t.requests and abs(log(t.rate_rps / arm.rate_rps)) < _NEAR]
        first, second = _halves(near)
        if first.size < _FEWEST_SERVERS or not _differ(first - second):
            continue
        both = f"{share(float(first.mean()))} against {share(float(second.mean()))}"
        if first.mean() > second.mean():
            yield (
                f"{arm.model}: more requests miss {metric} in the first half of a turn ({both}): servers are slow "
                "after a rest, so busy servers may carry more."
            )
        else:
            yield (
                f"{arm.model}: more requests miss {metric} in the second half of a turn ({both}): queues still grow, "
                "so the capacity may be estimated too high; give it more time (--budget)."
            )


def backlog_notes(turns: Sequence[Turn], arms: Sequence[ArmCapacity], bounds: Sequence[Bound]) -> Iterator[str]:
    """Yield a note for each version with turns that count as missed for their backlog, and not for their times."""
    times = [(bound.bound_ms, bound.share) for bound in bounds if bound.bound_ms]
    for arm in arms:
        rates_rps = [
            turn.rate_rps
            for turn in turns
            if turn.arm is arm.arm
            and turn.overloaded
            and all(np.mean(turn.response_ms > bound_ms) <= may_miss for bound_ms, may_miss in times)
        ]
        if rates_rps:
            yield (
                f"{arm.model}: from {number(min(rates_rps))} requests/s on, turns count as missed because more and "
                "more requests were waiting, although most were still answered in time."
            )


def _halves(turns: Sequence[Turn]) -> tuple[Floats, Floats]:
    """Return the share of each server's requests that missed in the first and in the second half of its turns."""
    servers = sorted({turn.pair for turn in turns})
    mine = [[turn for turn in turns if turn.pair == server] for server in servers]
    counts = np.array([sum(turn.requests for turn in each) / 2 for each in mine])
    first, second = (np.array([sum(turn.halves[k] for turn in each) for each in mine]) for k in (0, 1))
    return first / counts, second / counts


def _differ(apart: Floats) -> bool:
    error = float(apart.std(ddof=1)) / sqrt(apart.size)
    return abs(float(apart.mean())) > float(special.stdtrit(apart.size - 1, 1 - _LEVEL / 2)) * error
