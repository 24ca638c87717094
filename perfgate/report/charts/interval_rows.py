"""Numbers relative to what each should be, one row each, with intervals: objectives and promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfgate import formatting
from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus
from perfgate.planning.check import CheckedPromise
from perfgate.planning.check_sentences import outcome_words
from perfgate.planning.objective_sentences import limit_words, value_words
from perfgate.planning.ratios import ratio
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.svg import Element, chart, element, line, marker, text
from perfgate.report.charts.verdicts import COLOURS, SHAPES
from perfgate.report.charts.whiskers import whiskers

STATUS_WORDS = {
    ObjectiveStatus.HOLDS: "pass",
    ObjectiveStatus.BREAKS: "fail",
    ObjectiveStatus.OPEN: "inconclusive",
}
"""The verdict whose colour and shape a status has."""
WIDTH, _ROW, _TOP = 480, 42, 30
_NEAR, _FAR = 1.5, 4.0
"""Multiples of the reference that are always shown, and that are shown at most; beyond them is an arrow head."""


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    words: str
    value: float
    """Relative to the reference."""
    lower: float
    upper: float
    verdict: str
    band: tuple[float, float] | None = None
    """What is expected, where that is an interval."""


def objective_rows(objectives: Sequence[ObjectiveAnswer]) -> str:
    """Draw each objective's value relative to its bound; an empty string if none has both."""
    rows = [_objective(each) for each in objectives]
    described = "; ".join(
        f"{each.metric} {value_words(each)}, {limit_words(each)}: {each.status}" for each in objectives
    )
    return _chart("objectives", "Objectives relative to their bounds", described, rows, "bound")


def _objective(objective: ObjectiveAnswer) -> _Row:
    ends = sorted((ratio(objective, objective.lower), ratio(objective, objective.upper)))
    place, word = ratio(objective, objective.value), STATUS_WORDS[objective.status]
    if objective.warns and objective.status is ObjectiveStatus.BREAKS:
        word = "warn"
    return _Row(objective.metric, f"{value_words(objective)} {limit_words(objective)}", place, ends[0], ends[1], word)


def promise_rows(promises: Sequence[CheckedPromise]) -> str:
    """Draw what the trained model shows relative to what was promised; an empty string if nothing is known."""
    rows = [_promise(each) for each in promises]
    described = "; ".join(f"{each.metric} {_error(each)}" for each in promises)
    return _chart("promises", "What the trained model shows relative to each promise", described, rows, "promised")


def _promise(promise: CheckedPromise) -> _Row:
    whole = promise.promised or math.nan
    values = (promise.measured / whole, promise.measured_lower / whole, promise.measured_upper / whole)
    band = (promise.promised_lower / whole, promise.promised_upper / whole)
    return _Row(promise.metric, _error(promise), *values, "pass" if promise.covered else "fail", band)


def _error(promise: CheckedPromise) -> str:
    if not math.isfinite(promise.measured):
        return "not measured"
    return f"{formatting.change(promise.error)}, {outcome_words(promise).partition(' (')[0]}"


def _chart(slug: str, title: str, described: str, rows: Sequence[_Row], reference: str) -> str:
    shown = [row for row in rows if math.isfinite(row.value)]
    if not shown:
        return ""
    area = Area(18, _TOP, WIDTH - 20, _TOP + _ROW * len(shown) + 6)
    scale = _scale(shown, area)
    ticks = [tick for tick in scale.ticks() if scale.low <= tick <= scale.high]
    return chart(
        slug,
        title,
        described,
        (WIDTH, area.bottom + 46),
        [
            *_reference(area, scale, reference, zone=reference == "bound"),
            *x_axis(area, scale, f"value \N{DIVISION SIGN} {reference}", ticks, formatting.share),
            *(part for place, row in enumerate(shown) for part in _row(row, area, scale, place)),
        ],
    )


def _scale(rows: Sequence[_Row], area: Area) -> AxisScale:
    banded = all(row.band for row in rows)
    ends = [end for row in rows for end in (row.value, row.lower, row.upper, *(row.band or ())) if math.isfinite(end)]
    low = max(0.0, min([0.8, *ends]) - 0.05) if banded else 0.0
    most = 1.25 if banded else _NEAR
    return AxisScale(low, min(max([most, *(1.08 * end for end in ends)]), _FAR), area.left, area.right)


def _reference(area: Area, scale: AxisScale, word: str, *, zone: bool) -> list[Element]:
    at, high = scale.at(1), area.bottom - area.top
    shaded = element(
        "rect", x=area.left, y=area.top, width=at - area.left, height=high, fill="currentColor", fill_opacity=0.045
    )
    holds = text(area.left + 4, area.top - 12, "holds", faint=True)
    return [
        *([shaded, holds] if zone else []),
        text(at, area.top - 12, word, anchor="middle"),
        line(at, area.top - 7, at, area.top, stroke="currentColor", stroke_width=1.5),
    ]


def _row(row: _Row, area: Area, scale: AxisScale, place: int) -> list[Element]:
    middle, at = area.top + _ROW * place + 31, scale.at(1)
    band = []
    if row.band:
        left, right = (_clipped(scale, end) for end in row.band)
        band = [
            element(
                "rect", x=left, y=middle - 8, width=max(right - left, 1.5), height=16, fill="currentColor",
                fill_opacity=0.12,
            )
        ]  # fmt: skip
    # The line is interrupted by the labels.
    return [
        *band,
        line(at, middle - 9, at, middle + 9, stroke="currentColor", stroke_width=1.5, stroke_dasharray="4 3"),
        text(area.left + 4, middle - 13, row.name, font_weight="600"),
        text(area.right - 4, middle - 13, row.words.replace("-", "\N{MINUS SIGN}"), anchor="end"),
        *_interval(row, scale, middle),
    ]


def _clipped(scale: AxisScale, value: float) -> float:
    return scale.at(min(max(value, scale.low), scale.high)) if not math.isnan(value) else scale.at(scale.low)


def _interval(row: _Row, scale: AxisScale, y: float) -> list[Element]:
    ink: dict[str, str | float] = {"stroke": COLOURS[row.verdict]}
    low, high = _clipped(scale, row.lower), _clipped(scale, row.upper)
    beyond = row.lower < scale.low, row.upper > scale.high
    parts = list(whiskers((low, high), y, beyond, 2.5, **ink))
    if scale.low <= row.value <= scale.high:
        hollow = row.verdict == "inconclusive"
        fill = {"fill": "none" if hollow else COLOURS[row.verdict]}
        parts.append(marker(SHAPES[row.verdict], scale.at(row.value), y, 4.5, stroke_width=2.0, **fill, **ink))
    return parts
