"""One metric over the records of a baseline: records as dots, levels as lines, change points numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.svg import BLUE, Element, chart, dots, element, line, number, text
from perfgate.report.charts.tooltips import Axis, plot
from perfgate.report.charts.verdicts import COLOURS

WIDTH, HEIGHT = 480, 250
_AREA = Area(58, 52, WIDTH - 40, HEIGHT - 48)
_LEFT = 10.0
_INK = {"worse": COLOURS["fail"], "better": COLOURS["pass"], "changed": COLOURS["inconclusive"]}
_LABEL_PX = 15.0
"""Width of a number above the chart; numbers that are closer alternate between two rows."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered change point."""

    index: int
    number: int
    direction: str
    """`worse`, `better` or `changed`."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The data of the chart."""

    slug: str
    title: str
    unit: str
    description: str
    dates: Sequence[str]
    """One value a record."""
    values: Numbers
    shown: Numbers
    """The values with isolated outliers pulled in, which set the range of the vertical axis."""
    levels: Sequence[tuple[int, int, float]]
    """Begin, end (exclusive), level."""
    marks: Sequence[Mark]


def course(data: Course) -> str:
    """Draw the chart; values out of range appear at the edge as triangles and are counted."""
    count = len(data.values)
    x = AxisScale(0, max(count - 1, 1), _AREA.left + 8, _AREA.right - 8)
    y = _vertical(data)
    above, below = int(np.sum(data.values > y.high)), int(np.sum(data.values < y.low))
    outside = " ".join(f"{sign} {n} outside" for sign, n in (("▲", above), ("▼", below)) if n)
    return chart(
        data.slug,
        f"{data.title}, {data.unit}, over {count} records" if data.unit else f"{data.title} over {count} records",
        "; ".join(filter(None, [data.description, outside])),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, ""),
            text(_LEFT, _AREA.top - 12, data.unit, faint=True),  # from the left edge, because units may be long
            *x_axis(_AREA, x, "records, oldest first", _ticks(data.dates), lambda place: data.dates[int(place)]),
            text(_LEFT, HEIGHT - 12, outside, faint=True, font_size=12),
            *_marks(data.marks, x),
            plot(_AREA, Axis(x, "", names=data.dates), Axis(y, data.unit), _values(data.values, x, y)),
            *(_level(level, x, y) for level in data.levels),
        ],
    )


def _vertical(data: Course) -> AxisScale:
    low = min(float(np.min(data.shown)), *(level for _, _, level in data.levels))
    high = max(float(np.max(data.shown)), *(level for _, _, level in data.levels))
    room = max((high - low) * 0.08, abs(high + low) / 2 * 0.005, 1e-9)
    return AxisScale(max(low - room, 0.0) if low >= 0 else low - room, high + room, _AREA.bottom, _AREA.top)


def _ticks(dates: Sequence[str]) -> tuple[float, ...]:
    """Label the first record, the last, and some between: there is room for four dates."""
    places = np.unique(np.rint(np.linspace(0, len(dates) - 1, min(4, len(dates)))).astype(int))
    return tuple(float(place) for place in places)


def _values(values: Numbers, x: AxisScale, y: AxisScale) -> list[Element]:
    places = np.arange(len(values), dtype=np.float64)
    within = (values >= y.low) & (values <= y.high)
    size = 5.0 if len(values) <= 100 else 3.2
    parts = [
        dots(
            x(places[within]), y(values[within]),
            stroke=BLUE, stroke_opacity=0.7, stroke_width=size, stroke_linecap="round", data_series="record",
        )
    ]  # fmt: skip
    edges = ((values > y.high, _AREA.top + 4, -1), (values < y.low, _AREA.bottom - 5, 1))
    return [*parts, *(_triangle(at, top, way) for out, top, way in edges for at in x(places[out]).tolist())]


def _triangle(x: float, y: float, way: int) -> Element:
    corners = ((0.0, 4.0 * way), (4.0, -3.0 * way), (-4.0, -3.0 * way))
    return element("polygon", points=" ".join(f"{number(x + a)},{number(y + b)}" for a, b in corners), fill=BLUE)


def _level(level: tuple[int, int, float], x: AxisScale, y: AxisScale) -> Element:
    begin, end, value = level
    at = y.at(value)
    return line(
        x.at(begin) - 3, at, x.at(end - 1) + 3, at,
        stroke="currentColor", stroke_width=2, stroke_opacity=0.75, stroke_linecap="round",
    )  # fmt: skip


def _marks(marks: Sequence[Mark], x: AxisScale) -> list[Element]:
    parts: list[Element] = []
    taken = [-1e9, -1e9]  # right end of the last number in each row
    for mark in marks:
        at = (x.at(mark.index - 1) + x.at(mark.index)) / 2
        row = 0 if at - taken[0] >= _LABEL_PX or taken[0] <= taken[1] else 1
        taken[row], ink, top = at, _INK[mark.direction], _AREA.top - 8 - 15 * row
        parts += [
            line(at, top, at, _AREA.bottom, stroke=ink, stroke_width=1.5, stroke_dasharray=_DASHES[mark.direction]),
            text(at, top - 4, str(mark.number), anchor="middle", fill=ink, font_weight="600"),
        ]
    return parts


_DASHES = {"worse": "none", "better": "5 3", "changed": "1 3"}
"""Solid lines for worse, so that colour is not needed to tell."""
