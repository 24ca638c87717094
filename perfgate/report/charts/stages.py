"""Breakdown of a request's time: one bar an arm, made of its stages, as long as their means."""

from __future__ import annotations

from collections.abc import Sequence

from perfgate import formatting
from perfgate.report.charts.arms import LOOKS
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.svg import Element, chart, element, text
from perfgate.stats.summary import StageSummary
from perfgate.trials import Arm

WIDTH, _ROW, _TOP, _BAR = 480, 62, 8, 22
_OPACITIES = {"send lag": 0.25, "queue": 0.5, "execute": 1.0, "encode": 0.7, "rest": 0.15}
_LETTER = 7.0
"""Approximate width of a letter, pixels: a name is drawn only if it fits."""


def stages(summaries: Sequence[StageSummary]) -> str:
    """Draw the mean of each stage; an empty string if there is nothing to draw."""
    arms = [arm.value for arm in Arm if any(summary.arm == arm for summary in summaries)]
    rows = {arm: [each for each in summaries if each.arm == arm] for arm in arms}
    longest_ms = max((sum(each.mean_ms for each in row) for row in rows.values()), default=0.0)
    if longest_ms <= 0:
        return ""
    area = Area(10, _TOP, WIDTH - 10, _TOP + _ROW * len(arms))
    scale = AxisScale(0, longest_ms * 1.02, area.left, area.right)
    bars = [
        part for index, (arm, row) in enumerate(rows.items()) for part in _bar(arm, row, scale, _TOP + _ROW * index)
    ]
    return chart(
        "stages",
        "Mean time of a request under load, stage by stage",
        "; ".join(f"{s.arm} {s.stage} {formatting.with_unit(s.mean_ms, 'ms')}" for row in rows.values() for s in row),
        (WIDTH, area.bottom + 46),
        [*x_axis(area, scale, "mean time since the request was due, ms"), *bars],
    )


def _bar(arm: str, row: Sequence[StageSummary], scale: AxisScale, top: float) -> list[Element]:
    total = formatting.with_unit(sum(each.mean_ms for each in row), "ms")
    parts = [text(scale.start, top + 14, f"{arm}: {total}", font_weight="600")]
    begin_ms = 0.0
    for each in row:
        left, right = scale.at(begin_ms), scale.at(begin_ms + max(each.mean_ms, 0.0))
        begin_ms += max(each.mean_ms, 0.0)
        if right - left > 0.3:
            parts += _stage(arm, each.stage, left, right, top + 20)
    return parts


def _stage(arm: str, stage: str, left: float, right: float, top: float) -> list[Element]:
    ink = element(
        "rect", x=left, y=top, width=max(right - left - 1, 0.3), height=_BAR,
        fill=LOOKS[arm].colour, fill_opacity=_OPACITIES.get(stage, 0.4),
    )  # fmt: skip
    if right - left < _LETTER * len(stage) + 6:
        return [ink]
    return [ink, text(left + 4, top + _BAR + 13, stage, faint=True)]
