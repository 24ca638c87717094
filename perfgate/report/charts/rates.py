"""The axis of rates that the charts of a capacity share, and where on it the capacity lies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfgate import formatting
from perfgate.capacity.answer import ArmCapacity, CapacityKind
from perfgate.report.charts.arms import LOOKS
from perfgate.report.charts.axes import Area, AxisScale
from perfgate.report.charts.levels import LETTER_PX
from perfgate.report.charts.svg import Element, element, line, marker, text

WIDTH = 480
_LINE_PX = 16.0
"""Height of a line of text."""
_LOG_FROM = 5.0
"""Ratio of the highest rate to the smaller capacity from which the axis is logarithmic."""


def rate_scale(arms: Sequence[ArmCapacity], area: Area) -> AxisScale:
    """Return the axis, which begins at 0, or is logarithmic if a capacity is far below the highest rate."""
    rates = [rate for arm in arms for rate in _rates(arm)]
    low, high = min(rates, default=1.0), max(rates, default=1.0)
    lowest = min((arm.rate_rps for arm in arms if is_drawn(arm.rate_rps)), default=high)
    if high / lowest > _LOG_FROM:
        return AxisScale(low / 1.15, high * 1.15, area.left, area.right, log=True)
    return AxisScale(0, high * 1.05, area.left, area.right)


def _rates(arm: ArmCapacity) -> Iterator[float]:
    yield from filter(is_drawn, (*(each.rate_rps for each in arm.points), arm.rate_rps))


def is_drawn(value: float) -> bool:
    """Return whether a logarithmic axis has a place for a value."""
    return math.isfinite(value) and value > 0


def spans(arms: Sequence[ArmCapacity], x: AxisScale, area: Area) -> Iterator[Element]:
    """Shade where each capacity lies, mark its estimate, and write it above the area, a line for each arm."""
    for row, arm in enumerate(reversed(arms)):
        yield from _span(arm, x, area, area.top - 10 - _LINE_PX * row)


def _span(arm: ArmCapacity, x: AxisScale, area: Area, y: float) -> Iterator[Element]:
    look = LOOKS[arm.arm]
    left, right = (x.at(min(max(end, x.low), x.high)) for end in span_of(arm))
    if (left, right) != (area.left, area.right):
        yield element(
            "rect", x=left, y=area.top, width=max(right - left, 1.0), height=area.bottom - area.top,
            fill=look.colour, fill_opacity=0.14,
        )  # fmt: skip
    at = x.at(min(max(arm.rate_rps, x.low), x.high)) if is_drawn(arm.rate_rps) else math.nan
    if math.isfinite(at) and arm.kind is not CapacityKind.OPEN:
        yield line(at, area.top, at, area.bottom, stroke=look.colour, stroke_width=1.5, stroke_dasharray=look.dash)
        yield marker(look.shape, at, area.top, 3.5, fill=look.colour)
    words = place_words(arm)
    width = LETTER_PX * len(words) + 14
    begin = (at if math.isfinite(at) else (left + right) / 2) - width / 2
    begin = min(max(begin, area.left), area.right - width)
    yield marker(look.shape, begin + 4, y - 4, 3.5, fill=look.colour)
    yield text(begin + 14, y, words)


def span_of(arm: ArmCapacity) -> tuple[float, float]:
    """Return the rates between which the capacity lies: its interval, or what is known of it."""
    if arm.kind is CapacityKind.ABOVE:
        return arm.rate_rps, math.inf
    if arm.kind is CapacityKind.BELOW:
        return 0.0, arm.rate_rps
    if arm.kind is CapacityKind.GENERATOR:
        return 0.0, math.inf
    return (
        arm.lower_rps if is_drawn(arm.lower_rps) else 0.0,
        arm.upper_rps if is_drawn(arm.upper_rps) else math.inf,
    )


def place_words(arm: ArmCapacity) -> str:
    """Return the capacity in few words: `412/s [398, 425]`, `above 1,250/s`, `not known, at least 280/s`."""
    rate = f"{formatting.rate(arm.rate_rps)}/s"
    if arm.kind in {CapacityKind.ABOVE, CapacityKind.BELOW}:
        return f"{arm.kind.value} {rate}"
    if arm.kind is CapacityKind.GENERATOR:
        return f"generator limit {rate}"
    return (rate if arm.kind is CapacityKind.ESTIMATED else "not known") + _interval(arm)


def _interval(arm: ArmCapacity) -> str:
    """Return the interval with the ends that it has."""
    low, high = formatting.rate(arm.lower_rps), formatting.number(arm.upper_rps)
    if is_drawn(arm.lower_rps) and is_drawn(arm.upper_rps):
        return f" [{low}, {high}]"
    if is_drawn(arm.lower_rps):
        return f", at least {low}/s"
    return f", at most {high}/s" if is_drawn(arm.upper_rps) else ""
