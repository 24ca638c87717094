"""Forest plot: each metric's change and interval in units of its tolerance, so that all share one limit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfgate import formatting
from perfgate.gate.verdict import MetricVerdict
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.svg import Element, chart, element, line, marker, text
from perfgate.report.charts.verdicts import COLOURS, SHAPES
from perfgate.report.charts.whiskers import whiskers
from perfgate.report.rows import badness, in_tolerances, word_of

WIDTH, _ROW, _TOP = 480, 42, 30
_NEAR, _FAR = 2.6, 8.0
"""Tolerances that are always shown, and that are shown at most; anything beyond ends in an arrow head."""


def forest(verdicts: Sequence[MetricVerdict]) -> str:
    """Draw one row a metric, in the given order; an empty string if there is nothing to draw."""
    if not verdicts:
        return ""
    area = Area(10, _TOP, WIDTH - 10, _TOP + _ROW * len(verdicts) + 6)
    scale = _scale(verdicts, area)
    rows = [part for index, verdict in enumerate(verdicts) for part in _row(verdict, area, scale, index)]
    ticks = [tick for tick in range(-8, 9) if scale.low < tick < scale.high]
    axis = x_axis(area, scale, "better  ←  change ÷ tolerance  →  worse", ticks, _tick)
    described = "; ".join(f"{v.metric} {_numbers(v)}, {word_of(v)}" for v in verdicts)
    return chart(
        "forest",
        "Change of each metric relative to its tolerance",
        described,
        (WIDTH, area.bottom + 46),
        [*_zone(area, scale), *axis, *rows],
    )


def _scale(verdicts: Sequence[MetricVerdict], area: Area) -> AxisScale:
    ends = [_end(v, bound) for v in verdicts if v.gated for bound in (v.effect.lower, v.effect.upper)]
    known = [1.08 * end for end in ends if math.isfinite(end)]
    low, high = min([-_NEAR, *known]), max([_NEAR, *known])
    return AxisScale(max(low, -_FAR), min(high, _FAR), area.left, area.right)


def _zone(area: Area, scale: AxisScale) -> list[Element]:
    limit, high = scale.at(1), area.bottom - area.top
    zone = element(
        "rect", x=area.left, y=area.top, width=limit - area.left, height=high, fill="currentColor", fill_opacity=0.045
    )
    return [
        zone,
        text(limit, area.top - 12, "tolerance", anchor="middle"),
        text(area.left + 4, area.top - 12, "accepted", faint=True),
        line(limit, area.top - 7, limit, area.top, stroke="currentColor", stroke_width=1.5),
    ]


def _row(verdict: MetricVerdict, area: Area, scale: AxisScale, index: int) -> list[Element]:
    middle, faint = area.top + _ROW * index + 31, not verdict.gated
    zero, limit = scale.at(0), scale.at(1)
    # The two lines are interrupted by the labels.
    return [
        line(zero, middle - 9, zero, middle + 9, stroke="currentColor", stroke_opacity=0.3),
        line(limit, middle - 9, limit, middle + 9, stroke="currentColor", stroke_width=1.5, stroke_dasharray="4 3"),
        text(area.left + 4, middle - 13, verdict.metric, faint=faint, font_weight="normal" if faint else "600"),
        text(area.right - 4, middle - 13, _numbers(verdict), anchor="end", faint=faint),
        *_interval(verdict, scale, middle),
    ]


def _interval(verdict: MetricVerdict, scale: AxisScale, y: float) -> list[Element]:
    ends = sorted(_end(verdict, bound) for bound in (verdict.effect.lower, verdict.effect.upper))
    colour = COLOURS[word_of(verdict)]
    ink: dict[str, str | float] = {"stroke": colour, "stroke_opacity": 1.0 if verdict.gated else 0.55}
    low, high = (scale.at(min(max(end, scale.low), scale.high)) for end in ends)
    if high - low < 24 and (ends[0] > scale.high or ends[1] < scale.low):
        low, high = (high - 24, high) if ends[0] > scale.high else (low, low + 24)
    beyond = ends[0] < scale.low, ends[1] > scale.high
    parts = list(whiskers((low, high), y, beyond, 2.5 if verdict.gated else 1.5, **ink))
    center = badness(verdict)
    if scale.low <= center <= scale.high:
        hollow = verdict.verdict.value == "inconclusive"
        fill: dict[str, str | float] = {"fill": "none" if hollow else colour, "stroke_width": 2.0}
        parts.append(marker(SHAPES[word_of(verdict)], scale.at(center), y, 4.5, **fill, **ink))
    return parts


def _end(verdict: MetricVerdict, bound: float) -> float:
    """Place a bound; an unknown one lies beyond the edge on its side."""
    place = in_tolerances(verdict, bound)
    if math.isfinite(place):
        return place
    return math.inf if bound == verdict.effect.upper or bound != bound else -math.inf  # noqa: PLR0124 - NaN


def _numbers(verdict: MetricVerdict) -> str:
    effect = verdict.effect
    bounds = formatting.interval(effect.lower, effect.upper, verdict.metric)
    change = formatting.in_cell(formatting.change(effect.change, verdict.metric), verdict.metric)
    return f"{change} {bounds}".replace("-", "\N{MINUS SIGN}")


def _tick(value: float) -> str:
    times = f"{formatting.difference(value, '1')}\N{MULTIPLICATION SIGN}"
    return "0" if value == 0 else times.replace("-", "\N{MINUS SIGN}")
