"""How response times grow with the rate: both versions' curves, what they may take, and where their capacity lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from perfgate import formatting
from perfgate.capacity.answer import ArmCapacity, Bound, CapacityAnswer, Point, RateStatus
from perfgate.report.charts.arms import LOOKS, ArmLook, legend
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.levels import Curve, Level, levels
from perfgate.report.charts.rates import WIDTH, is_drawn, place_words, rate_scale, spans
from perfgate.report.charts.svg import Element, chart, line, marker, path, text
from perfgate.report.charts.tooltips import Axis, plot

HEIGHT = 430
_AREA = Area(58, 92, WIDTH - 14, HEIGHT - 48)
_MANY = 24
"""Number of points of an arm from which they are drawn smaller."""
_PERCENTILES = {"p99": 2.0, "p50": 1.0}
"""The drawn percentiles and the width of their lines."""


def capacity_curves(answer: CapacityAnswer) -> str:
    """Draw p99 and p50 of each version over the rate; an empty string if no rate has a response time."""
    shown = [arm for arm in answer.arms if arm.arm in LOOKS]
    times = [t for arm in shown for point in arm.points for t in (point.p50_ms, point.p99_ms) if is_drawn(t)]
    if not times:
        return ""
    bounds = [each for each in answer.objectives if each.bound_ms is not None and is_drawn(each.bound_ms)]
    ends = [*times, *(each.bound_ms for each in bounds if each.bound_ms)]
    x = rate_scale(shown, _AREA)
    y = AxisScale(min(ends) / 1.25, max(ends) * 1.25, _AREA.bottom, _AREA.top, log=True)
    return chart(
        "capacity",
        "Response time by rate of requests",
        "; ".join(_described(arm) for arm in shown),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "ms"),
            *x_axis(_AREA, x, f"requests per second, sent{' (logarithmic)' if x.log else ''}"),
            *legend([arm.arm for arm in shown], _AREA.right, 18),
            *_key(_AREA.left, 40),
            *spans(shown, x, _AREA),
            *(
                plot(_AREA, Axis(x, "1/s"), Axis(y, "ms"), _lines(shown, name, x, y), name=name)
                for name in reversed(_PERCENTILES)
            ),
            *(part for arm in shown for part in _marks(arm, x, y)),
            *levels(
                _AREA,
                [_bound(each, y) for each in bounds],
                [_way(arm, name, x, y) for arm in shown for name in _PERCENTILES],
            ),
        ],
    )


def _time(point: Point, percentile: str) -> float:
    return point.p99_ms if percentile == "p99" else point.p50_ms


def _way(arm: ArmCapacity, percentile: str, x: AxisScale, y: AxisScale) -> Curve:
    known = [(each.rate_rps, _time(each, percentile)) for each in arm.points]
    rates, times = np.array([pair for pair in known if all(map(is_drawn, pair))], np.float64).reshape(-1, 2).T
    return x(rates), y(times)


def _lines(arms: Sequence[ArmCapacity], percentile: str, x: AxisScale, y: AxisScale) -> Iterator[Element]:
    for arm in arms:
        look, way = LOOKS[arm.arm], _way(arm, percentile, x, y)
        if way[0].size:
            yield path(
                *way,
                stroke=look.colour,
                stroke_width=_PERCENTILES[percentile],
                stroke_opacity=None if percentile == "p99" else 0.6,
                stroke_dasharray=look.dash,
                stroke_linejoin="round",
                data_series=arm.arm,
            )


def _marks(arm: ArmCapacity, x: AxisScale, y: AxisScale) -> Iterator[Element]:
    """Mark each rate by its status on the p99, or on the p50 where too few requests have one."""
    radius = 4.2 if len(arm.points) < _MANY else 3.0
    for each in arm.points:
        time_ms = each.p99_ms if is_drawn(each.p99_ms) else each.p50_ms
        if is_drawn(time_ms) and is_drawn(each.rate_rps):
            yield from status_mark(LOOKS[arm.arm], each.status, x.at(each.rate_rps), y.at(time_ms), radius)


def status_mark(look: ArmLook, status: RateStatus, x: float, y: float, radius: float) -> Iterator[Element]:
    """Draw an arm's shape: filled where the objectives hold, crossed out where one breaks, hollow where it is open."""
    if status is RateStatus.HOLDS:
        yield marker(look.shape, x, y, radius, fill=look.colour)
        return
    # a stroke of the page's own colour hides the line below: only strokes change their colour on dark pages
    yield marker(look.shape, x, y, radius / 2, fill="none", stroke="#FFFFFF", stroke_width=radius)
    yield marker(look.shape, x, y, radius, fill="none", stroke=look.colour, stroke_width=1.5)
    if status is RateStatus.BREAKS:
        arm = radius * (0.7 if look.shape == "circle" else 1.0)
        yield line(x - arm, y - arm, x + arm, y + arm, stroke=look.colour, stroke_width=1.5)
        yield line(x - arm, y + arm, x + arm, y - arm, stroke=look.colour, stroke_width=1.5)


def _key(left: float, y: float) -> Iterator[Element]:
    """Say what marks and lines mean, in one row."""
    ink = ArmLook("", "currentColor", "none", "circle", "round")
    for status in RateStatus:
        yield from status_mark(ink, status, left + 5, y - 4, 4.2)
        yield text(left + 14, y, status.value, faint=True)
        left += 30 + 7 * len(status.value)
    for name, width in _PERCENTILES.items():
        opacity = None if name == "p99" else 0.6
        yield line(left, y - 4, left + 22, y - 4, stroke="currentColor", stroke_width=width, stroke_opacity=opacity)
        yield text(left + 27, y, name, faint=True)
        left += 66


def _bound(bound: Bound, y: AxisScale) -> Level:
    value = bound.bound_ms or 0.0
    return Level(y.at(value), f"{bound.metric} at most {formatting.bound(value, bound.metric)}")


def _described(arm: ArmCapacity) -> str:
    known = [each for each in arm.points if is_drawn(each.p99_ms)]
    ends = [known[0], known[-1]] if len(known) > 1 else known
    times = ", ".join(
        f"p99 {formatting.with_unit(each.p99_ms, 'ms')} at {formatting.rate(each.rate_rps)} requests/s" for each in ends
    )
    return f"{arm.arm}: {place_words(arm)}" + (f"; {times}" if times else "")
