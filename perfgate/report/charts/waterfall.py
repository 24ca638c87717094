"""Waterfall: how the parts of a change lead from the baseline's execution time to the candidate's."""

from __future__ import annotations

from itertools import chain

from perfgate import formatting
from perfgate.explain.explanation import Attribution
from perfgate.explain.sentences import difference
from perfgate.explain.waterfall import Step, steps
from perfgate.report.charts.arms import LOOKS
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.svg import Element, chart, element, line, marker, text
from perfgate.report.charts.verdicts import COLOURS
from perfgate.trials import Arm

WIDTH, _ROW, _TOP, _MIDDLE = 480, 38, 4, 26


def waterfall(found: Attribution) -> str:
    """Draw both execution times, and between them one step a part; the axis does not begin at 0."""
    placed = steps(found)
    area = Area(16, _TOP, WIDTH - 16, _TOP + _ROW * (len(placed) + 2) + 4)
    ends = [*found.execute_ms, *chain.from_iterable((step.begin_ms, step.end_ms, *step.reach_ms) for step in placed)]
    room = 0.04 * (max(ends) - min(ends)) or 0.01
    scale = AxisScale(min(ends) - room, max(ends) + room, area.left, area.right)
    joints = [found.execute_ms[0], *(step.end_ms for step in placed)]
    rows = [part for row, step in enumerate(placed, 1) for part in _step(step, scale, _TOP + _ROW * row)]
    return chart(
        "waterfall",
        "From the baseline's execution time to the candidate's",
        "; ".join(f"{step.name} {difference(step.change_ms)}" for step in placed) or "no parts",
        (WIDTH, area.bottom + 46),
        [
            *x_axis(area, scale, "execution time, ms (the axis does not begin at 0)"),
            *(_joint(scale.at(joint), _TOP + _ROW * row) for row, joint in enumerate(joints)),
            *_end(Arm.BASELINE, found.execute_ms[0], scale, _TOP),
            *rows,
            *_end(Arm.CANDIDATE, found.execute_ms[1], scale, _TOP + _ROW * (len(placed) + 1)),
        ],
    )


def _joint(x: float, top: float) -> Element:
    """Lead from one row to the next."""
    return line(
        x, top + _MIDDLE, x, top + _MIDDLE + _ROW, stroke="currentColor", stroke_opacity=0.35, stroke_dasharray="2 2"
    )


def _label(scale: AxisScale, top: float, name: str, words: str, weight: str = "normal") -> list[Element]:
    """Write above a row, on a ground that keeps lines away from the letters."""
    halo: dict[str, str | float | None] = {"stroke": "#FFFFFF", "stroke_width": 5.0, "paint_order": "stroke"}
    shown = words.replace("-", "\N{MINUS SIGN}")
    return [
        text(scale.start, top + 14, name, anchor="start", faint=False, font_weight=weight, **halo),
        text(scale.end, top + 14, shown, anchor="end", faint=False, **halo),
    ]


def _end(arm: Arm, time_ms: float, scale: AxisScale, top: float) -> list[Element]:
    look = LOOKS[arm]
    dot = marker(look.shape, scale.at(time_ms), top + _MIDDLE, 5, fill=look.colour)
    return [*_label(scale, top, look.name, formatting.with_unit(time_ms, "ms"), "600"), dot]


def _step(step: Step, scale: AxisScale, top: float) -> list[Element]:
    change, y = step.change_ms, top + _MIDDLE
    word = "invalid" if not change.is_zero_excluded else "fail" if change.estimate > 0 else "pass"
    (left, right), reach = sorted(map(scale.at, (step.begin_ms, step.end_ms))), list(map(scale.at, step.reach_ms))
    ink: dict[str, str | float] = {"stroke": COLOURS[word], "stroke_width": 1.5}
    return [
        *_label(scale, top, step.name, difference(change)),
        element(
            "rect", x=left, y=y - 6, width=max(right - left, 1.5), height=12, fill=COLOURS[word], fill_opacity=0.35
        ),
        line(reach[0], y, reach[1], y, **ink),
        *(line(x, y - 4, x, y + 4, **ink) for x in reach),
    ]
