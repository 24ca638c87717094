"""The search for the largest value of a dimension at which all objectives hold.

It assumes that an objective that breaks at one value breaks at every larger one. The ends of the range come first, then
values that halve what is left, nearer to where the line through the measurements crosses the bound; then values on both
sides of the crossing, as far from it as one measurement can tell from the bound; at last both proven ends again, in
fresh servers and some time later, because a machine that was faster or slower for a while would prove what is not so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, inf, isfinite, log, nan

from perfgate.planning.answer import ObjectiveStatus, ScaleLimit
from perfgate.planning.crossing import Crossing, crossing_of
from perfgate.planning.evaluation import Evaluation, point_of, status_at

_WIDE = 1.3
"""Ratio of what breaks to what holds, above which it is halved."""
_INNER = 0.2
"""Share of what is left that a value keeps from its ends."""
_FINEST = 0.01
"""Values nearer than this share are not told apart."""
_AGAIN = 3
"""Most measurements of one value before the ends are confirmed."""
_CONFIRMATIONS = 2
"""Measurements of each proven end."""
_MARGIN = 1.2
"""Distance from the crossing, relative to what one measurement resolves."""


@dataclass(slots=True)
class LimitSearch:
    """A search under way."""

    low: int
    high: int
    measured: list[Evaluation] = field(default_factory=list)

    def asks(self, used: Callable[[], float]) -> Iterator[int]:
        """Yield the next value to measure until the time is used up, or more would tell nothing; `used`: its share.

        `tell` adds what was measured before the next one is asked.
        """
        while used() < 1 and (value := self._next()) is not None:
            yield value

    def tell(self, evaluation: Evaluation) -> None:
        """Add a measurement."""
        self.measured.append(evaluation)

    def status(self, value: int) -> ObjectiveStatus:
        """Return what the measurements of a value prove."""
        return status_at(self._at(value))

    @property
    def bracket(self) -> tuple[int | None, int | None]:
        """The largest value proven to hold below all that break, and the smallest proven to break above it."""
        held = [value for value in self._values() if self.status(value) is ObjectiveStatus.HOLDS]
        broken = [value for value in self._values() if self.status(value) is ObjectiveStatus.BREAKS]
        first = min(broken, default=None)
        below = [value for value in held if first is None or value < first]
        return max(below, default=None), first

    def crossing(self) -> tuple[str, Crossing] | None:
        """Return the objective that crosses its bound first, and where; None if none does within what was measured."""
        metrics = dict.fromkeys(name for each in self.measured for name in each.ratios)
        found = [(name, at) for name in metrics if (at := crossing_of(self.measured, name)) is not None]
        return min(found, key=lambda each: each[1].value, default=None)

    def _values(self) -> list[int]:
        return sorted({each.value for each in self.measured})

    def _at(self, value: int) -> list[Evaluation]:
        return [each for each in self.measured if each.value == value]

    def _next(self) -> int | None:
        for end, wanted in ((self.low, ObjectiveStatus.HOLDS), (self.high, ObjectiveStatus.BREAKS)):
            seen = self._at(end)
            if not seen or (self.status(end) is ObjectiveStatus.OPEN and len(seen) < _AGAIN and not self.crossing()):
                return end
            if self.status(end) is not wanted and self.status(end) is not ObjectiveStatus.OPEN:
                return end if len(seen) < _CONFIRMATIONS else None
        holds, breaks = self.bracket
        low, high = holds or self.low, breaks or self.high
        inside = self._inside(low, high)
        if inside is not None:
            return inside
        return self._beside(low, high) or self._confirmation(holds, breaks)

    def _inside(self, low: int, high: int) -> int | None:
        """Return a value well inside of what is left, near the crossing; None if that is narrow, or was tried."""
        if high / low <= _WIDE:
            return None
        found = self.crossing()
        width = log(high / low)
        at = log(found[1].value / low) if found and low < found[1].value < high else width / 2
        value = self._rounded(low * exp(min(max(at, _INNER * width), (1 - _INNER) * width)))
        return value if low < value < high and not self._known(value) else None

    def _beside(self, low: int, high: int) -> int | None:
        """Return a value on the side of the crossing where the proven end is further away, if it can be proven."""
        found = self.crossing()
        if found is None:
            return None
        at, apart = log(found[1].value), _MARGIN * self._resolved() / found[1].slope
        sides = [(log(found[1].value / low), at - apart), (log(high / found[1].value), at + apart)]
        for gap, target in sorted(sides, reverse=True):
            value = self._rounded(exp(target))
            if gap > apart * 1.5 and low < value < high and not self._known(value):
                return value
        return None

    def _confirmation(self, holds: int | None, breaks: int | None) -> int | None:
        """Return the end that was measured least, if it was measured less than twice; then what is open between."""
        ends = [end for end in (holds, breaks) if end is not None and len(self._at(end)) < _CONFIRMATIONS]
        if ends:
            return min(ends, key=lambda end: (len(self._at(end)), end))
        low, high = holds or self.low, breaks or self.high
        between = [each for each in self._values() if low <= each <= high and len(self._at(each)) < _AGAIN]
        return min(between, key=lambda each: len(self._at(each)), default=None)

    def _resolved(self) -> float:
        """Return the half-width of a ratio's interval, in logarithms, as the narrowest measurements near 1 have it."""
        found = self.crossing()
        name = found[0] if found else ""
        near = sorted(
            (abs(log(ratio.value)), _reach(ratio.value, ratio.lower, ratio.upper))
            for each in self.measured
            if (ratio := each.ratios.get(name)) is not None and 0 < ratio.value < inf
        )
        reaches = [reach for _, reach in near[:3] if isfinite(reach)]
        return min(reaches, default=0.1)

    def _rounded(self, value: float) -> int:
        """Return a whole number with as few digits as tell values apart."""
        step = max(1, round(_FINEST * value / 2))
        for nice in (1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64):
            if nice <= step:
                largest = nice
        if step > 64:
            largest = 10 ** (len(str(step)) - 1)
        return int(min(max(round(value / largest) * largest, self.low), self.high))

    def _known(self, value: int) -> bool:
        """Return whether a value so near was measured that it would show the same."""
        return any(abs(value / each - 1) < _FINEST for each in self._values())


def _reach(value: float, lower: float, upper: float) -> float:
    """Return the wider side of an interval, in logarithms; infinite where it has no end."""
    return max(log(value / lower) if lower > 0 else inf, log(upper / value) if upper < inf else inf)


def limit_of(search: LimitSearch, fixed: dict[str, int]) -> ScaleLimit:
    """Say what a search found: the proven ends, the estimate, and the 95 % interval, which covers all three."""
    holds, breaks = search.bracket
    found = search.crossing()
    values = sorted({each.value for each in search.measured})
    points = tuple(point_of([each for each in search.measured if each.value == value]) for value in values)
    lows = [float(holds) if holds is not None else float(search.low), *([found[1].lower] if found else [])]
    highs = [float(breaks) if breaks is not None else inf, *([found[1].upper] if found else [])]
    broken = next((point.objective for point in points if point.value == breaks), "")
    return ScaleLimit(
        fixed=fixed,
        holds=holds,
        breaks=breaks,
        estimate=_estimate(found, holds, breaks),
        lower=max(min(lows), float(search.low)),
        upper=max(highs) if breaks is not None else inf,
        objective=found[0] if found else broken,
        points=points,
    )


def _estimate(found: tuple[str, Crossing] | None, holds: int | None, breaks: int | None) -> float:
    """Return the crossing, within what is proven."""
    if found is None:
        return (holds * breaks) ** 0.5 if holds is not None and breaks is not None else nan
    low, high = float(holds or 0), float(breaks) if breaks is not None else inf
    return min(max(found[1].value, low), high)


def largest_proven(limits: Sequence[ScaleLimit]) -> int | None:
    """Return the largest value that was proven to hold in any of several searches."""
    return max((limit.holds for limit in limits if limit.holds is not None), default=None)
