"""One measurement of a sketch at one value of a dimension."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from typing import Any

from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus

_HOLDS, _BREAKS, _OPEN = ObjectiveStatus.HOLDS, ObjectiveStatus.BREAKS, ObjectiveStatus.OPEN


@dataclass(frozen=True, slots=True)
class Ratio:
    """One objective's value relative to its bound, so that it is missed above 1."""

    value: float
    lower: float
    upper: float
    status: ObjectiveStatus


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One measurement in servers of its own."""

    value: int
    ratios: Mapping[str, Ratio]
    """By the objective's metric."""
    parameters: int = 0
    evidence: Any = None
    """What a judge needs, to test this measurement together with others."""

    @property
    def is_beyond(self) -> bool:
        """Whether an objective's value is beyond its bound, proven or not."""
        return any(each.value > 1 or each.status is _BREAKS for each in self.ratios.values())

    def is_far(self, status: ObjectiveStatus, factor: float) -> bool:
        """Return whether the intervals show the status by that factor: of one objective that breaks, or of all."""
        known = self.ratios.values()
        if status is _BREAKS:
            return any(each.lower >= factor or isnan(each.value) for each in known if each.status is _BREAKS)
        return all(each.upper <= 1 / factor for each in known)

    @property
    def decisive(self) -> str:
        """The metric that is furthest beyond its bound, or nearest to it."""
        known = {name: each.value for name, each in self.ratios.items() if not isnan(each.value)}
        return max(known, key=lambda name: known[name], default=next(iter(self.ratios), ""))


Judge = Callable[[Sequence[Evaluation]], ObjectiveStatus]
"""Tests several measurements as one: whether all objectives hold at their values taken together."""


def together(statuses: Iterable[ObjectiveStatus]) -> ObjectiveStatus:
    """Return whether all objectives hold, or one breaks."""
    found = set(statuses)
    return _BREAKS if _BREAKS in found else _OPEN if _OPEN in found or not found else _HOLDS


def ratios_of(objectives: Sequence[ObjectiveAnswer]) -> dict[str, Ratio]:
    """Put all objectives on one scale; one with a bound of 0 counts by its test alone."""
    return {each.metric: _ratio(each) for each in objectives if not each.warns}


def _ratio(found: ObjectiveAnswer) -> Ratio:
    if not found.bound > 0 or not isfinite(found.value):
        return Ratio(nan, 0.0, inf, found.status)
    if found.is_maximum:
        ends = found.value / found.bound, max(0.0, found.lower / found.bound), found.upper / found.bound
    else:
        ends = _over(found.bound, found.value), _over(found.bound, found.upper), _over(found.bound, found.lower)
    return Ratio(*ends, found.status)


def _over(bound: float, value: float) -> float:
    return bound / value if value > 0 else inf
