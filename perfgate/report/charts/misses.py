"""The share of requests that misses the objective that breaks first, over the rate, with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from perfgate import formatting
from perfgate.capacity.answer import ArmCapacity, Bound, CapacityAnswer
from perfgate.report.charts.arms import LOOKS, legend
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.levels import Curve, Level, levels
from perfgate.report.charts.rates import WIDTH, is_drawn, place_words, rate_scale, spans
from perfgate.report.charts.svg import Element, chart, dots, element, number, path, text
from perfgate.report.charts.tooltips import Axis, plot

HEIGHT = 430
_AREA = Area(72, 92, WIDTH - 14, HEIGHT - 48)
_FLOOR = 0.05
"""Lowest share that is drawn, of the allowed one; smaller ones are drawn there."""
_LEAST = 1e-4
"""Lowest share that is drawn if none may miss the objective."""


def misses(answer: CapacityAnswer) -> str:
    """Draw one curve a version; an empty string if no version has one."""
    shown = [arm for arm in answer.arms if arm.arm in LOOKS and _points(arm)]
    if not shown:
        return ""
    allowed = decisive(answer)
    low = min(least_share(allowed), 0.5)
    x = rate_scale([arm for arm in answer.arms if arm.arm in LOOKS], _AREA)
    y = AxisScale(low, 1.0, _AREA.bottom, _AREA.top, log=True)
    return chart(
        "misses",
        "Share of requests that miss the objective, by rate",
        "; ".join(_described(arm, allowed) for arm in shown),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "share", (low, *(t for t in y.ticks(4) if t > 1.5 * low)), lambda t: _tick(t, low)),
            *x_axis(_AREA, x, f"requests per second, sent{' (logarithmic)' if x.log else ''}"),
            *legend([arm.arm for arm in shown], _AREA.right, 18),
            text(_AREA.left, 40, "shaded along a curve and upright: 95% intervals", faint=True),
            *spans(shown, x, _AREA),
            *(_band(arm, x, y) for arm in shown),
            plot(_AREA, Axis(x, "1/s"), Axis(y, "share"), (part for arm in shown for part in _curve(arm, x, y))),
            *levels(_AREA, [_allowed(each, y) for each in allowed], [_way(arm, x, y) for arm in shown]),
        ],
    )


def decisive(answer: CapacityAnswer) -> tuple[Bound, ...]:
    """Return the objectives that break first, without repetition; the first of all if none broke."""
    metrics = dict.fromkeys(arm.objective for arm in answer.arms)
    found = tuple(each for each in answer.objectives if each.metric in metrics)
    return found or answer.objectives[:1]


def least_share(allowed: Sequence[Bound]) -> float:
    """Return the lowest share that is drawn."""
    return min((each.share * _FLOOR for each in allowed if each.share > 0), default=_LEAST)


def _tick(share: float, low: float) -> str:
    return "\N{LESS-THAN OR EQUAL TO}" * (share == low) + formatting.share(share)


def _points(arm: ArmCapacity) -> list[tuple[float, float, float, float]]:
    rows = ((each.rate_rps, each.share, each.low, each.high) for each in arm.curve)
    return [row for row in rows if is_drawn(row[0]) and all(map(math.isfinite, row))]


def _columns(arm: ArmCapacity, y: AxisScale) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    rates, *shares = np.array(_points(arm), np.float64).T
    return rates, *(np.clip(each, y.low, y.high) for each in shares)


def _band(arm: ArmCapacity, x: AxisScale, y: AxisScale) -> Element:
    rates, _, low, high = _columns(arm, y)
    across, along = np.concatenate([x(rates), x(rates[::-1])]), np.concatenate([y(high), y(low[::-1])])
    corners = " ".join(f"{number(a)},{number(b)}" for a, b in zip(across.tolist(), along.tolist(), strict=True))
    return element("polygon", points=corners, fill=LOOKS[arm.arm].colour, fill_opacity=0.22)


def _way(arm: ArmCapacity, x: AxisScale, y: AxisScale) -> Curve:
    rates, share, _, _ = _columns(arm, y)
    return x(rates), y(share)


def _curve(arm: ArmCapacity, x: AxisScale, y: AxisScale) -> Iterator[Element]:
    look, (across, along) = LOOKS[arm.arm], _way(arm, x, y)
    yield path(
        across, along,
        stroke=look.colour, stroke_width=2, stroke_dasharray=look.dash, stroke_linejoin="round",
    )  # fmt: skip
    exact = np.array([each[1] for each in _points(arm)]) >= y.low
    for part, name in ((exact, arm.arm), (~exact, None)):  # what is drawn at the edge has no value to read
        if part.any():
            yield dots(
                across[part], along[part],
                stroke=look.colour, stroke_width=5.5, stroke_linecap=look.cap, data_series=name,
            )  # fmt: skip


def _allowed(bound: Bound, y: AxisScale) -> Level:
    words = f"{formatting.share(bound.share)} may miss {bound.metric}"
    return Level(y.at(min(max(bound.share, y.low), y.high)), words)


def _described(arm: ArmCapacity, allowed: Sequence[Bound]) -> str:
    first, *_, last = [_points(arm)[0], _points(arm)[-1]]
    bounds = ", ".join(f"{formatting.share(each.share)} may miss {each.metric}" for each in allowed)
    return (
        f"{arm.arm}: {place_words(arm)}; {formatting.share(first[1])} miss it at {formatting.rate(first[0])} "
        f"requests/s, {formatting.share(last[1])} at {formatting.rate(last[0])} requests/s; {bounds}"
    )
