"""Which of many settings are worth another look, and which to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from math import inf, isnan

from perfgate.capacity.answer import CapacityKind, TunedSettings
from perfgate.capacity.tuning_candidates import CURRENT

_KEPT = 4
"""Settings of the second round, without those that only then join: an interval halves with four times the turns."""


def carried_rps(each: TunedSettings) -> float:
    """Return a capacity to order by: 0 if no rate holds, minus infinity if nothing is known."""
    if each.problem or isnan(each.capacity_rps):
        return -inf
    return 0.0 if each.kind is CapacityKind.BELOW else each.capacity_rps


def waited_ms(each: TunedSettings) -> float:
    """Return a p99 to order by: infinite if nothing is known."""
    return inf if each.problem or isnan(each.p99_ms) else each.p99_ms


def with_front(settings: Sequence[TunedSettings]) -> tuple[TunedSettings, ...]:
    """Mark the Pareto front of capacity (more is better) against p99 (less is better), by the estimates."""
    return tuple(replace(each, front=_on_front(each, settings)) for each in settings)


def _on_front(each: TunedSettings, settings: Sequence[TunedSettings]) -> bool:
    rate, wait = carried_rps(each), waited_ms(each)
    if rate == -inf or wait == inf:
        return False
    others = ((carried_rps(other), waited_ms(other)) for other in settings if other is not each)
    return not any(more >= rate and less <= wait and (more, less) != (rate, wait) for more, less in others)


def alike(one: TunedSettings, other: TunedSettings) -> bool:
    """Return whether the 95 % intervals overlap in both: a cautious rule, since many pairs are looked at."""
    return not _apart(_capacity(one), _capacity(other)) and not _apart(_p99(one), _p99(other))


def _capacity(each: TunedSettings) -> tuple[float, float]:
    return each.capacity_lower_rps, each.capacity_upper_rps


def _p99(each: TunedSettings) -> tuple[float, float]:
    return each.p99_lower_ms, each.p99_upper_ms


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] > other[1] or other[0] > one[1]


def pairs_alike(settings: Sequence[TunedSettings]) -> tuple[tuple[str, str], ...]:
    """Return the pairs on the front, and of the current settings with it, that cannot be told apart."""
    shown = [each for each in settings if (each.front or each.name == CURRENT) and not each.problem]
    return tuple((one.name, other.name) for one, other in combinations(shown, 2) if alike(one, other))


def kept(settings: Sequence[TunedSettings], most: int = _KEPT) -> tuple[str, ...]:
    """Return the names for the next round: the current ones, the best in each way, then by capacity.

    Settings whose interval of the capacity lies below that of the best are left out, unless they have the lowest p99.
    """
    working = [each for each in settings if not each.problem]
    by_rate = sorted(working, key=carried_rps, reverse=True)
    best = by_rate[:1]
    fast = [min(working, key=waited_ms)] if working else []
    own = [each for each in working if each.name == CURRENT]
    rest = [each for each in by_rate if not best or not _apart(_capacity(each), _capacity(best[0]))]
    names = dict.fromkeys(each.name for each in (*own, *best, *fast, *rest))
    return tuple(names)[:most]


def best_of(settings: Sequence[TunedSettings], key: Callable[[TunedSettings], float], *, others: bool = False) -> str:
    """Return the name of the settings with the highest key, NaN aside; `others`: than the current ones. Or empty."""
    known = [
        each for each in settings if not each.problem and abs(key(each)) < inf and not (others and each.name == CURRENT)
    ]
    return max(known, key=key).name if known else ""
