"""Changes with intervals in tolerances, one low row each: for more rows than a forest plot has room for."""

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

WIDTH, _ROW, _TOP = 1120, 22, 26
_LEFT, _RIGHT = 320, 780
"""Where the plot begins and ends, pixels: names are left of it, numbers right."""
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


def tolerance_rows(slug: str, title: str, rows: Sequence[ToleranceRow]) -> str:
    """Draw one row each, in the given order; an empty string without any. `slug` makes the ids."""
    if not rows:
        return ""
    area = Area(_LEFT, _TOP, _RIGHT, _TOP + _ROW * len(rows) + 4)
    scale = _scale(rows, area)
    ticks = [tick for tick in range(-8, 9) if scale.low < tick < scale.high]
    return chart(
        slug,
        title,
        f"{len(rows)} rows; the first: {rows[0].name}, {rows[0].words}, {rows[0].verdict}. All are in the table below.",
        (WIDTH, area.bottom + 46),
        [
            *_reference(area, scale),
            *x_axis(area, scale, "better  ←  change ÷ tolerance  →  worse", ticks, _tick),
            *(part for index, row in enumerate(rows) for part in _row(row, area, scale, index)),
        ],
    )


def _scale(rows: Sequence[ToleranceRow], area: Area) -> AxisScale:
    ends = [1.08 * end for row in rows for end in (row.place, row.lower, row.upper) if math.isfinite(end)]
    low, high = min([-_NEAR, *ends]), max([_NEAR, *ends])
    return AxisScale(max(low, -_FAR), min(high, _FAR), area.left, area.right)


def _reference(area: Area, scale: AxisScale) -> list[Element]:
    zero, limit, high = scale.at(0), scale.at(1), area.bottom - area.top
    return [
        element(
            "rect", x=area.left, y=area.top, width=limit - area.left, height=high, fill="currentColor",
            fill_opacity=0.045,
        ),
        text(area.left + 4, area.top - 9, "accepted", faint=True),
        text(limit, area.top - 9, "tolerance", anchor="middle"),
        line(zero, area.top, zero, area.bottom, stroke="currentColor", stroke_opacity=0.3),
        line(limit, area.top - 4, limit, area.bottom, stroke="currentColor", stroke_width=1.5, stroke_dasharray="4 3"),
    ]  # fmt: skip


def _row(row: ToleranceRow, area: Area, scale: AxisScale, index: int) -> list[Element]:
    middle = area.top + _ROW * index + _ROW / 2 + 2
    words = one_line(row.words, _MOST_WORDS).replace("-", "\N{MINUS SIGN}")
    return [
        text(area.left - 12, middle + 4.5, one_line(row.short or row.name, _MOST_NAME), anchor="end"),
        text(area.right + 12, middle + 4.5, words),
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
