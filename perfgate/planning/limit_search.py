"""The search for the largest value of a dimension at which all objectives hold.

It assumes that an objective that breaks at one value breaks at every larger one. The ends of the range come first, then
values near to where the line through the measurements crosses the bound, until that is known to a third; then values
on both sides of the crossing in turn: nearer to it while they are proven, further away while they are not.

A value is proven to hold by the measurements at it and a little above it, tested as one: if fewer requests than allowed
miss the objective there, fewer do at the value itself. It is proven to break by those at it and a little below it. Near
the bound that takes two measurements at least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, inf, log, log10, nan

from perfgate.planning.answer import ObjectiveStatus, ScaleLimit, ScalePoint
from perfgate.planning.crossing import Crossing, crossing_of
from perfgate.planning.evaluation import Evaluation, Judge, Ratio

_HOLDS, _BREAKS, _OPEN = ObjectiveStatus.HOLDS, ObjectiveStatus.BREAKS, ObjectiveStatus.OPEN
_WIDE = 1.3
"""Ratio of what seems to break to what seems to hold, above which values in between are tried first."""
_INNER = 0.2
"""Share of what is left that such a value keeps from its ends."""
_TOGETHER = (0.0, log(1.04), log(1.12))
"""How far above or below a value measurements are tested together with those at it: what one of these proves counts."""
_APART = 0.10
"""First distance from the crossing, as a logarithm, and the factors by which it changes."""
_NEARER, _FURTHER = 0.5, 1.4
_NEAREST, _FURTHEST = 0.005, 1.0
_TRIES = 2
"""Measurements near one distance before it grows."""
_ENDS = 3
"""Most measurements of an end of the range beyond which the limit seems to lie."""
_FAR = 3.0
"""Ratio to the bound beyond which one measurement proves something alone: what else runs on a machine explains less."""
_FINEST = 0.005
_PRECISE = 0.01
"""Distance of both proven ends from the crossing, as a logarithm, at which the search ends."""


@dataclass(slots=True)
class LimitSearch:
    """A search under way."""

    low: int
    high: int
    judge: Judge
    measured: list[Evaluation] = field(default_factory=list)
    _apart: dict[bool, float] = field(default_factory=lambda: {False: _APART, True: _APART})
    """Distance from the crossing, below and above it."""
    _tried: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def asks(self, used: Callable[[], float]) -> Iterator[int]:
        """Yield the next value to measure until the time is used up, or more would tell nothing; `used`: its share.

        `tell` adds what was measured before the next one is asked.
        """
        while used() < 1 and (value := self._next()) is not None:
            yield value

    def tell(self, evaluation: Evaluation) -> None:
        """Add a measurement."""
        self.measured.append(evaluation)

    @property
    def values(self) -> list[int]:
        """All values that were measured, ascending."""
        return sorted({each.value for each in self.measured})

    def at(self, value: int) -> list[Evaluation]:
        """Return the measurements of a value."""
        return [each for each in self.measured if each.value == value]

    def status(self, value: int) -> ObjectiveStatus:
        """Return what is proven of a value, by the measurements at it and a little beyond."""
        above, below = self._groups(value, 1), self._groups(value, -1)
        if any(self._proves(group, _HOLDS) for group in above):
            return _HOLDS
        return _BREAKS if any(self._proves(group, _BREAKS) for group in below) else _OPEN

    def _proves(self, group: Sequence[Evaluation], status: ObjectiveStatus) -> bool:
        """Return whether measurements prove a status together.

        One alone must be far from the bound: near to it, it would prove what something else on the machine did.
        """
        return self.judge(group) is status and (len(group) > 1 or group[0].is_far(status, _FAR))

    def _groups(self, value: int, sign: int) -> Iterator[list[Evaluation]]:
        """Yield the measurements at a value, with more and more of those above (or below) it."""
        size = 0
        for reach in _TOGETHER:
            group = [each for each in self.measured if 0 <= sign * log(each.value / value) <= reach]
            if len(group) > size:
                yield group
            size = len(group)

    @property
    def proven(self) -> tuple[int | None, int | None]:
        """The largest value that holds and the smallest that breaks; where these contradict each other, neither is."""
        statuses = {value: self.status(value) for value in self.values}
        held = [value for value, status in statuses.items() if status is _HOLDS]
        broken = [value for value, status in statuses.items() if status is _BREAKS]
        most, least = max(held, default=0), min(broken, default=self.high + 1)
        return (
            max((value for value in held if value < least), default=None),
            min((value for value in broken if value > most), default=None),
        )

    @property
    def is_reversed(self) -> bool:
        """Whether the smallest value breaks and the largest holds, so that larger is faster."""
        return self.status(self.low) is _BREAKS and self.status(self.high) is _HOLDS

    def crossing(self) -> tuple[str, Crossing] | None:
        """Return the objective that crosses its bound first, and where; None if none does within what was measured."""
        metrics = dict.fromkeys(name for each in self.measured for name in each.ratios)
        found = [(name, at) for name in metrics if (at := crossing_of(self.measured, name)) is not None]
        return min(found, key=lambda each: each[1].value, default=None)

    def _next(self) -> int | None:
        for end, beyond in ((self.low, True), (self.high, False)):
            seen = self.at(end)
            if not seen:
                return end
            if all(each.is_beyond is beyond for each in seen):
                wanted = _BREAKS if beyond else _HOLDS
                if len(seen) < _ENDS and self.status(end) is not wanted:
                    return end
                return None if self.at(self.high) else self.high  # is larger slower at all?
        return self._inside() or self._beside()

    def _inside(self) -> int | None:
        """Return a value between the largest that seems to hold and the smallest that seems to break, if far apart."""
        beyond = {value: sum(each.is_beyond for each in self.at(value)) / len(self.at(value)) for value in self.values}
        high = min(value for value in self.values if beyond[value] > 0 and value > self.low)
        low = max(value for value in self.values if beyond[value] < 1 and value < high)
        if high / low <= _WIDE:
            return None
        found, width = self.crossing(), log(high / low)
        at = log(found[1].value / low) if found and low < found[1].value < high else width / 2
        value = rounded(low * exp(min(max(at, _INNER * width), (1 - _INNER) * width)))
        return value if low < value < high else None

    def _beside(self) -> int | None:
        """Return a value on the side of the crossing that is known less well."""
        found = self.crossing()
        at = log(found[1].value) if found else self._middle()
        proven = self.proven
        for above, end in ((False, proven[0]), (True, proven[1])):
            gap = abs(log(end) - at) if end is not None else inf
            if gap <= self._apart[above] * 1.1:
                self._apart[above], self._tried[above] = max(_NEAREST, gap * _NEARER), 0
            elif self._tried[above] >= _TRIES:
                self._apart[above], self._tried[above] = min(_FURTHEST, self._apart[above] * _FURTHER), 0
        if _are_neighbours(*proven) or all(end is not None and abs(log(end) - at) <= _PRECISE for end in proven):
            return None
        above = self._is_worse_above(at, proven)
        self._tried[above] += 1
        sign = 1 if above else -1
        value = rounded(exp(at + sign * self._apart[above]))
        return min(max(value, self.low), self.high)

    def _is_worse_above(self, at: float, proven: tuple[int | None, int | None]) -> bool:
        """Return which side to try: the one whose proven end is further away, or that was tried less."""
        below, above = (abs(log(end) - at) if end is not None else inf for end in proven)
        if below == above:
            return self._tried[True] < self._tried[False]
        return above > below

    def _middle(self) -> float:
        """Return the middle between what seems to hold and what seems to break."""
        held = max(each.value for each in self.measured if not each.is_beyond)
        broken = min(each.value for each in self.measured if each.is_beyond)
        return log(held * broken) / 2


def rounded(value: float) -> int:
    """Return a whole number with as few digits as tell values apart."""
    step = max(1.0, _FINEST * value)
    power = 10 ** int(log10(step))
    nice: int = power * max(each for each in (1, 2, 4, 5, 8) if each * power <= step)
    return max(1, round(value / nice) * nice)


def _are_neighbours(holds: int | None, breaks: int | None) -> bool:
    """Return whether no whole number lies between the proven ends."""
    return holds is not None and breaks is not None and breaks - holds <= 1


def limit_of(search: LimitSearch, fixed: dict[str, int]) -> ScaleLimit:
    """Say what a search found: the proven ends, the estimate, and the 95 % interval, which covers all three."""
    holds, breaks = search.proven
    found = search.crossing()
    low, high = float(search.low if holds is None else holds), inf if breaks is None else float(breaks)
    points = tuple(_point(search, value, holds, breaks) for value in search.values)
    broken = next((point.objective for point in points if point.value == breaks), "")
    return ScaleLimit(
        fixed=fixed,
        holds=holds,
        breaks=breaks,
        estimate=_estimate(found, low, high) if found or holds is not None else nan,
        lower=max(min(low, found[1].lower if found else low), float(search.low)),
        upper=max(high, found[1].upper if found else high),
        objective=found[0] if found else broken,
        points=points,
    )


def _point(search: LimitSearch, value: int, holds: int | None, breaks: int | None) -> ScalePoint:
    """Describe the measurements of one value; the ratio is that of the middle one.

    What is smaller than a value that holds, holds; what is larger than one that breaks, breaks.
    """
    status = _HOLDS if value <= (holds or 0) else _BREAKS if breaks and value >= breaks else _OPEN
    measured = search.at(value)
    middle = sorted(measured, key=lambda each: _decisive(each).value)[len(measured) // 2]
    ratio = _decisive(middle)
    return ScalePoint(
        value=value,
        status=status,
        objective=middle.decisive,
        ratio=ratio.value,
        ratio_lower=ratio.lower,
        ratio_upper=ratio.upper,
        measurements=len(measured),
        parameters=middle.parameters,
    )


def _decisive(each: Evaluation) -> Ratio:
    return each.ratios.get(each.decisive, Ratio(nan, 0.0, inf, _OPEN))


def _estimate(found: tuple[str, Crossing] | None, low: float, high: float) -> float:
    """Return the crossing, within what is proven and was tried."""
    if found is None:
        return (low * high) ** 0.5 if low < high < inf else nan
    return min(max(found[1].value, low), high)
