"""Changes with intervals in tolerances, one row each: low rows of many gates, or the metrics of one gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfgate import formatting
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.svg import Element, chart, element, line, marker, text
from perfgate.report.charts.verdicts import COLOURS, SHAPES
from perfgate.report.charts.whiskers import whiskers
from perfgate.sanitize import one_line

_TOP, _BELOW = 26, 46
"""Room above the rows and below them, pixels."""
_LETTER = 7.8
"""Width of a letter, pixels: a little more than the mean."""
_MOST_NAME, _MOST_WORDS = 44, 46
"""Characters; longer ones are cut in the middle, and whole in the table behind."""
_NEAR, _FAR = 2.6, 8.0
"""Tolerances that are always shown, and that are shown at most; anything beyond ends in an arrow head."""
_STUB = 24


@dataclass(frozen=True, slots=True)
class ToleranceRow:
    """One change."""

    name: str
    words: str
    """Its numbers."""
    place: float
    """In tolerances, positive for the worse; NaN if unknown."""
    lower: float
    upper: float
    verdict: str
    short: str = ""
    """The name where there is little room; empty if it is the same."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where names and numbers are."""

    width: float
    row: float
    """Height of a row."""
    low: bool
    """Names left and numbers right of the interval; otherwise both above it."""


LOW = Layout(1120, 22, low=True)
"""For many rows, on a wide figure."""
NARROW = Layout(480, 42, low=False)
"""For few rows, on any figure."""


def tolerance_rows(slug: str, title: str, rows: Sequence[ToleranceRow], layout: Layout) -> str:
    """Draw one row each, in the given order; an empty string without any. `slug` makes the ids."""
    if not rows:
        return ""
    area = _area(rows, layout)
    scale = _scale(rows, area)
    count = f"{len(rows)} row{'s' * (len(rows) != 1)}"
    ticks = [tick for tick in range(-8, 9) if scale.low < tick < scale.high]
    return chart(
        slug,
        title,
        f"{count}; the first: {rows[0].name}, {rows[0].words}, {rows[0].verdict}. All are in the table below.",
        (layout.width, area.bottom + _BELOW),
        [
            *_reference(area, scale, layout),
            *x_axis(area, scale, "better  ←  change ÷ tolerance  →  worse", ticks, _tick),
            *(part for index, row in enumerate(rows) for part in _row(row, area, scale, layout, index)),
        ],
    )


def _area(rows: Sequence[ToleranceRow], layout: Layout) -> Area:
    left, right = 10.0, layout.width - 10
    if layout.low:
        left += 12 + _LETTER * max(len(_name(row)) for row in rows)
        right -= 12 + _LETTER * max(len(_words(row)) for row in rows)
    return Area(left, _TOP, right, _TOP + layout.row * len(rows) + 4)


def _name(row: ToleranceRow) -> str:
    return one_line(row.short or row.name, _MOST_NAME)


def _words(row: ToleranceRow) -> str:
    return one_line(row.words, _MOST_WORDS).replace("-", "\N{MINUS SIGN}")


def _scale(rows: Sequence[ToleranceRow], area: Area) -> AxisScale:
    ends = [1.08 * end for row in rows for end in (row.place, row.lower, row.upper) if math.isfinite(end)]
    low, high = min([-_NEAR, *ends]), max([_NEAR, *ends])
    return AxisScale(max(low, -_FAR), min(high, _FAR), area.left, area.right)


def _reference(area: Area, scale: AxisScale, layout: Layout) -> list[Element]:
    zero, limit, high = scale.at(0), scale.at(1), area.bottom - area.top
    lines = [
        line(zero, area.top, zero, area.bottom, stroke="currentColor", stroke_opacity=0.3),
        line(limit, area.top - 4, limit, area.bottom, stroke="currentColor", stroke_width=1.5, stroke_dasharray="4 3"),
    ]
    return [
        element(
            "rect", x=area.left, y=area.top, width=limit - area.left, height=high, fill="currentColor",
            fill_opacity=0.045,
        ),
        text(area.left + 4, area.top - 9, "accepted", faint=True),
        text(limit, area.top - 9, "tolerance", anchor="middle"),
        *(lines if layout.low else ()),
    ]  # fmt: skip


def _row(row: ToleranceRow, area: Area, scale: AxisScale, layout: Layout, index: int) -> list[Element]:
    top = area.top + layout.row * index
    if layout.low:
        middle = top + layout.row / 2 + 2
        return [
            text(area.left - 12, middle + 4.5, _name(row), anchor="end"),
            text(area.right + 12, middle + 4.5, _words(row)),
            *_interval(row, scale, middle),
        ]
    middle, zero, limit = top + 31, scale.at(0), scale.at(1)
    # The two lines are interrupted by the labels.
    return [
        line(zero, middle - 9, zero, middle + 9, stroke="currentColor", stroke_opacity=0.3),
        line(limit, middle - 9, limit, middle + 9, stroke="currentColor", stroke_width=1.5, stroke_dasharray="4 3"),
        text(area.left + 4, middle - 13, _name(row), font_weight="600"),
        text(area.right - 4, middle - 13, _words(row), anchor="end"),
        *_interval(row, scale, middle),
    ]


def _interval(row: ToleranceRow, scale: AxisScale, y: float) -> list[Element]:
    lower = -math.inf if math.isnan(row.lower) else row.lower
    upper = math.inf if math.isnan(row.upper) else row.upper
    colour = COLOURS.get(row.verdict, COLOURS["invalid"])
    low, high = (scale.at(min(max(end, scale.low), scale.high)) for end in (lower, upper))
    if lower > scale.high:
        low = high - _STUB
    elif upper < scale.low:
        high = low + _STUB
    parts = list(whiskers((low, high), y, (lower < scale.low, upper > scale.high), 2.5, stroke=colour))
    if scale.low <= row.place <= scale.high:
        fill = "none" if row.verdict == "inconclusive" else colour
        shape = SHAPES.get(row.verdict, "triangle")
        parts.append(marker(shape, scale.at(row.place), y, 4, fill=fill, stroke=colour, stroke_width=2.0))
    return parts


def _tick(value: float) -> str:
    times = f"{formatting.difference(value, '1')}\N{MULTIPLICATION SIGN}"
    return "0" if value == 0 else times.replace("-", "\N{MINUS SIGN}")
