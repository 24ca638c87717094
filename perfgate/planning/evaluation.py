"""One measurement of a sketch at one value of a dimension, and several of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan

from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus, ScalePoint

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

    @property
    def status(self) -> ObjectiveStatus:
        """Whether all objectives hold."""
        return together(each.status for each in self.ratios.values())

    @property
    def decisive(self) -> str:
        """The metric that is furthest beyond its bound, or nearest to it: of those that break, if any does."""
        broken = {name: each for name, each in self.ratios.items() if each.status is _BREAKS}
        return max(broken or self.ratios, key=lambda name: self.ratios[name].value, default="")


def together(statuses: Iterable[ObjectiveStatus]) -> ObjectiveStatus:
    """Return whether all objectives hold, or one breaks."""
    found = set(statuses)
    return _BREAKS if _BREAKS in found else _OPEN if _OPEN in found or not found else _HOLDS


def evaluation_of(value: int, objectives: Sequence[ObjectiveAnswer], parameters: int) -> Evaluation:
    """Put all objectives on one scale; those with a bound of 0 or without a value count by their test alone."""
    return Evaluation(value, {each.metric: _ratio(each) for each in objectives if not each.warns}, parameters)


def _ratio(found: ObjectiveAnswer) -> Ratio:
    if not found.bound > 0:
        return Ratio(nan, 0.0, inf, found.status)
    if found.is_maximum:
        ends = found.value / found.bound, max(0.0, found.lower / found.bound), found.upper / found.bound
    else:
        ends = _over(found.bound, found.value), _over(found.bound, found.upper), _over(found.bound, found.lower)
    return Ratio(*ends, found.status)


def _over(bound: float, value: float) -> float:
    return bound / value if value > 0 else inf


def status_at(measured: Sequence[Evaluation]) -> ObjectiveStatus:
    """Return what several measurements of one value prove together: nothing, if they contradict each other."""
    found = {each.status for each in measured} - {_OPEN}
    return found.pop() if len(found) == 1 else _OPEN


def point_of(measured: Sequence[Evaluation]) -> ScalePoint:
    """Describe the measurements of one value; the ratio is that of the most precise one."""
    name = max(measured, key=lambda each: _decisive(each).value).decisive
    ratios = [each.ratios[name] for each in measured if name in each.ratios]
    best = min(ratios, key=lambda each: each.upper / each.lower if each.lower > 0 else inf)
    return ScalePoint(
        value=measured[0].value,
        status=status_at(measured),
        objective=name,
        ratio=best.value,
        ratio_lower=best.lower,
        ratio_upper=best.upper,
        measurements=len(measured),
        parameters=measured[0].parameters,
    )


def _decisive(each: Evaluation) -> Ratio:
    return each.ratios.get(each.decisive, Ratio(nan, 0.0, inf, _OPEN))
