"""The largest value of one dimension of a sketch that holds, by the value of a second one."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from perfgate.planning.answer import ObjectiveStatus, Scale, ScaleLimit, ScaleRange
from perfgate.planning.scale_sentences import breaks_from_the_start, fixed_words, holds_to_the_end, limit_cells
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.limit import status_mark
from perfgate.report.charts.rates import is_drawn
from perfgate.report.charts.svg import BLUE, Element, chart, marker, path, text
from perfgate.report.charts.whiskers import whiskers

WIDTH, HEIGHT = 480, 340
_AREA = Area(64, 44, WIDTH - 20, HEIGHT - 48)


def frontier(scale: Scale) -> str:
    """Draw one limit for each value of the second dimension; an empty string with one dimension, or without limits."""
    if len(scale.ranges) != 2 or not scale.limits:
        return ""
    first, second = scale.ranges
    x, y = _axes(scale)
    known = [each for each in scale.limits if is_drawn(each.estimate)]
    return chart(
        "frontier",
        f"Largest {first.dimension} that holds, by {second.dimension}",
        "; ".join(f"{fixed_words(each)}: {' '.join(limit_cells(each, first)).rstrip()}" for each in scale.limits),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "", [float(_second(each, second)) for each in scale.limits]),
            text(8, _AREA.top - 20, f"{second.dimension} (logarithmic)", faint=True),
            *x_axis(_AREA, x, f"{first.dimension} (logarithmic)", x.ticks(3)),
            *_way(known, second, x, y),
            *(part for each in scale.limits for part in _limit(each, scale, x, y)),
        ],
    )


def _second(limit: ScaleLimit, second: ScaleRange) -> int:
    return limit.fixed.get(second.dimension, second.low)


def _axes(scale: Scale) -> tuple[AxisScale, AxisScale]:
    first, second = scale.ranges
    values = [_second(each, second) for each in scale.limits]
    estimates = [each.estimate for each in scale.limits if is_drawn(each.estimate)]
    low, high = min([first.low, *estimates]), max([first.high, *estimates])
    return (
        AxisScale(low / 1.2, high * 1.2, _AREA.left, _AREA.right, log=True),
        AxisScale(min(values) / 1.3, max(values) * 1.3, _AREA.bottom, _AREA.top, log=True),
    )


def _way(known: list[ScaleLimit], second: ScaleRange, x: AxisScale, y: AxisScale) -> Iterator[Element]:
    if len(known) > 1:
        across, along = x([each.estimate for each in known]), y([_second(each, second) for each in known])
        yield path(across, along, stroke=BLUE, stroke_opacity=0.5, stroke_width=1.5)


def _limit(limit: ScaleLimit, scale: Scale, x: AxisScale, y: AxisScale) -> Iterator[Element]:
    first, second = scale.ranges
    height = y.at(_second(limit, second))
    if is_drawn(limit.estimate):
        low = limit.lower if limit.lower > first.low else 0.0
        yield from _span(low, limit.upper, height, x)
        yield marker("circle", x.at(limit.estimate), height, 4.2, fill=BLUE)
    elif holds_to_the_end(limit) and limit.holds is not None:
        yield from _span(limit.holds, inf, height, x)
        yield status_mark(ObjectiveStatus.HOLDS, x.at(min(limit.holds, x.high)), height)
    elif breaks_from_the_start(limit) and limit.breaks is not None:
        yield from _span(0.0, limit.breaks, height, x)
        yield status_mark(ObjectiveStatus.BREAKS, x.at(max(limit.breaks, x.low)), height)


def _span(low: float, high: float, y: float, x: AxisScale) -> Iterator[Element]:
    """Draw an interval, with an arrow head at an end that is not known."""
    left, right = (x.at(min(max(end, x.low), x.high)) for end in (low, high))
    yield from whiskers((left, right), y, (low < x.low, high > x.high), stroke=BLUE)
