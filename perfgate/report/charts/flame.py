"""Flame-like chart: where both arms' execution time goes, as nested bars on one time scale, differences first."""

from __future__ import annotations

from perfgate import formatting
from perfgate.explain.explanation import Attribution, ChangeKind
from perfgate.explain.flame import Bar, bars
from perfgate.explain.sentences import difference
from perfgate.report.charts.arms import LOOKS, ArmLook
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.svg import Element, chart, element, text
from perfgate.trials import Arm

WIDTH, _ROW, _TITLE = 960, 24, 26
_LETTER = 7.2
"""Approximate width of a letter, pixels: a name is cut to what fits."""
_NARROWEST = 0.5
"""Pixels; what is narrower is in the table only."""


def flame(found: Attribution) -> str:
    """Draw the baseline's bars above the candidate's; an empty string if no op was traced."""
    shown = bars(found)
    if len(shown) < 2:
        return ""
    height = _TITLE + _ROW * (1 + max(bar.depth for bar in shown)) + 12
    area = Area(10, 0, WIDTH - 10, 2 * height)
    longest = max(bar.begin_ms[arm] + bar.times_ms[arm] for bar in shown for arm in (0, 1))
    scale = AxisScale(0, longest * 1.005, area.left, area.right)
    parts = [
        part for row, look in enumerate(LOOKS.values()) for part in _arm(shown, row, look, scale, row * height)
    ]  # fmt: skip
    return chart(
        "flame",
        "Where the execution time of both arms goes, by scope and op",
        "; ".join(f"{bar.op} {difference(bar.change_ms)}" for bar in shown if bar.differs and bar.change_ms)
        or "no op differs",
        (WIDTH, area.bottom + 46),
        [*x_axis(area, scale, "time, ms; ordered by difference, not by when it runs"), *parts],
    )


def _arm(shown: tuple[Bar, ...], arm: int, look: ArmLook, scale: AxisScale, top: float) -> list[Element]:
    parts = [
        text(
            scale.start,
            top + 18,
            f"{look.name} {formatting.with_unit(shown[0].times_ms[arm], 'ms')}",
            font_weight="600",
        )
    ]
    for bar in shown:
        left, right = scale.at(bar.begin_ms[arm]), scale.at(bar.begin_ms[arm] + bar.times_ms[arm])
        if right - left >= _NARROWEST:
            parts += _bar(bar, look, (left, right), top + _TITLE + _ROW * bar.depth)
    return parts


def _bar(bar: Bar, look: ArmLook, ends: tuple[float, float], top: float) -> list[Element]:
    left, right = ends
    letters = int((right - left - 8) / _LETTER)
    short = bar.op or bar.name.rsplit("/", 1)[-1]
    label = short if len(short) <= letters else f"{short[: letters - 1]}\N{HORIZONTAL ELLIPSIS}"
    ink = element(
        "rect", element("title", words(bar)), x=left, y=top, width=max(right - left - 1, _NARROWEST),
        height=_ROW - 2, class_="bar", **_look(bar, look),
    )  # fmt: skip
    return [ink, *([text(left + 4, top + 15, label, pointer_events="none")] if letters > 2 else [])]


def _look(bar: Bar, look: ArmLook) -> dict[str, str | float]:
    if not bar.differs:
        return {"fill": "currentColor", "fill_opacity": 0.08 if bar.op else 0.15}
    gone = bar.kind is ChangeKind.REMOVED
    dash: dict[str, str | float] = {"stroke_dasharray": "4 2"} if gone else {}
    return {
        "fill": look.colour,
        "fill_opacity": 0.0 if gone else 0.35,
        "stroke": look.colour,
        "stroke_width": 1.5,
        **dash,
    }


def words(bar: Bar) -> str:
    """Return a bar's numbers in one line: `added MatMul a/b: 0 ms, 0.168 ms, +0.168 ms [+0.163, +0.173]`."""
    kind = f"{bar.kind.value} " if bar.kind is not ChangeKind.SAME else ""
    times = (f"{arm.value} {formatting.with_unit(ms, 'ms')}" for arm, ms in zip(Arm, bar.times_ms, strict=True))
    change = difference(bar.change_ms) if bar.change_ms else ""
    return f"{kind}{' '.join(filter(None, (bar.op, bar.name)))}: {', '.join(filter(None, (*times, change)))}"
