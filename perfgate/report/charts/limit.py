"""How the decisive metric grows with a dimension of a sketch, and where it crosses its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from perfgate import formatting
from perfgate.planning.answer import ObjectiveStatus, Scale, ScaleLimit, ScalePoint
from perfgate.planning.scale_sentences import limit_cells
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.interval_rows import STATUS_WORDS
from perfgate.report.charts.levels import LETTER_PX, Level, levels
from perfgate.report.charts.rates import is_drawn
from perfgate.report.charts.svg import Element, chart, element, line, marker, path, text
from perfgate.report.charts.verdicts import COLOURS, SHAPES

WIDTH, HEIGHT = 480, 380
_AREA = Area(66, 78, WIDTH - 14, HEIGHT - 48)


def limit(scale: Scale) -> str:
    """Draw the points of the only limit; an empty string with two dimensions, or without two points to draw."""
    if len(scale.limits) != 1 or len(scale.ranges) != 1:
        return ""
    found, dimension = scale.limits[0], scale.ranges[0].dimension
    points = [each for each in found.points if is_drawn(each.ratio)]
    if len({each.value for each in points}) < 2:
        return ""
    x, y = _axes(points, found)
    curve = x([each.value for each in points]), y([each.ratio for each in points])
    return chart(
        "limit",
        f"How near to its bound the decisive objective is, by {dimension}",
        "; ".join([f"limit {' '.join(limit_cells(found, scale.ranges[0])).rstrip()}", *map(_described, points)]),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "", name=formatting.share),
            text(8, 44, "value \N{DIVISION SIGN} bound", faint=True),
            *x_axis(_AREA, x, f"{dimension} (logarithmic)", x.ticks(3)),
            *status_key(8, 20),
            *_band(scale, x),
            path(*curve, stroke="currentColor", stroke_opacity=0.4, stroke_width=1.2),
            *(part for each in points for part in _point(each, x, y)),
            *levels(_AREA, [Level(y.at(1.0), "bound")], [curve]),
        ],
    )


def _axes(points: Sequence[ScalePoint], found: ScaleLimit) -> tuple[AxisScale, AxisScale]:
    values = [*(each.value for each in points), *filter(is_drawn, (found.estimate,))]
    ratios = [r for each in points for r in (each.ratio, each.ratio_lower, each.ratio_upper) if is_drawn(r)]
    x = AxisScale(min(values) / 1.15, max(values) * 1.15, _AREA.left, _AREA.right, log=True)
    y = AxisScale(min(0.5, *ratios) / 1.2, max(1.5, *ratios) * 1.2, _AREA.bottom, _AREA.top, log=True)
    return x, y


def status_key(left: float, y: float) -> Iterator[Element]:
    """Say what the marks mean, in one row."""
    for status in ObjectiveStatus:
        yield status_mark(status, left + 5, y - 4)
        yield text(left + 16, y, status.value, faint=True)
        left += 34 + LETTER_PX * len(status.value)


def status_mark(status: ObjectiveStatus, x: float, y: float) -> Element:
    """Draw a filled circle where all objectives hold, a diamond where one breaks, a hollow circle where it is open."""
    word = STATUS_WORDS[status]
    fill = "none" if status is ObjectiveStatus.OPEN else COLOURS[word]
    return marker(SHAPES[word], x, y, 4.2, fill=fill, stroke=COLOURS[word], stroke_width=1.5)


def _band(scale: Scale, x: AxisScale) -> Iterator[Element]:
    """Shade where the limit lies, mark its estimate, and write it above."""
    found, within = scale.limits[0], scale.ranges[0]
    at = found.estimate
    if is_drawn(at):
        low, high = (found.lower if is_drawn(found.lower) else x.low, found.upper if is_drawn(found.upper) else x.high)
        left, right = (x.at(min(max(end, x.low), x.high)) for end in (low, high))
        yield element(
            "rect", x=left, y=_AREA.top, width=max(right - left, 1.0), height=_AREA.bottom - _AREA.top,
            fill="currentColor", fill_opacity=0.1,
        )  # fmt: skip
        middle = x.at(min(max(at, x.low), x.high))
        yield line(middle, _AREA.top, middle, _AREA.bottom, stroke="currentColor", stroke_dasharray="7 3")
    words = " ".join(limit_cells(found, within)).rstrip()
    width = LETTER_PX * len(words)
    place = x.at(min(max(at, x.low), x.high)) if is_drawn(at) else (_AREA.left + _AREA.right) / 2
    begin = min(max(place - width / 2, _AREA.left), _AREA.right - width)
    yield text(begin, _AREA.top - 8, words)


def _point(point: ScalePoint, x: AxisScale, y: AxisScale) -> Iterator[Element]:
    at, ink = x.at(point.value), COLOURS[STATUS_WORDS[point.status]]
    ends = np.clip(np.nan_to_num([point.ratio_lower, point.ratio_upper], nan=point.ratio), y.low, y.high)
    yield line(at, y.at(float(ends[0])), at, y.at(float(ends[1])), stroke=ink, stroke_width=2)
    yield status_mark(point.status, at, y.at(point.ratio))


def _described(point: ScalePoint) -> str:
    low, high = formatting.share(point.ratio_lower), formatting.share(point.ratio_upper)
    return f"{point.value:,}: {point.objective} {formatting.share(point.ratio)} [{low}, {high}], {point.status}"
