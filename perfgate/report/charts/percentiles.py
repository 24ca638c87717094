"""The time at each percentile, on an axis that is logarithmic in 1/(1-q), as in HdrHistogram's plots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from perfgate import formatting
from perfgate.report.charts.arms import LOOKS, legend
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.ecdf import at_share
from perfgate.report.charts.svg import Element, chart, marker, path
from perfgate.report.charts.tooltips import Axis, plot
from perfgate.stats.summary import Curve

WIDTH, HEIGHT = 480, 400
BEYOND = 10
"""Least number of slower requests behind every point of the curve."""
_AREA = Area(58, 34, WIDTH - 14, HEIGHT - 48)
_SHARES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
_MARKED = _SHARES[1:]
_LOG_FROM = 20.0
"""Ratio of the slowest drawn time to the fastest from which the time axis is logarithmic."""


def percentiles(curves: Sequence[Curve]) -> str:
    """Draw one curve an arm, up to where ten requests are slower; an empty string if that is below the median."""
    drawn = [curve for curve in curves if curve.arm in LOOKS and last_share(curve) > 0.5]
    if not drawn:
        return ""
    lines = {curve.arm: _line(curve) for curve in drawn}
    low = min(float(times[0]) for _, times in lines.values())
    high = max(float(times[-1]) for _, times in lines.values())
    log = low > 0 and high / low > _LOG_FROM
    y = AxisScale(low / 1.1, high * 1.1, _AREA.bottom, _AREA.top, log=True) if log else _linear(high)
    x = AxisScale(0, max(_nines(last_share(curve)) for curve in drawn) * 1.02, _AREA.left, _AREA.right)
    ticks = {_nines(share): formatting.share(share) for share in _SHARES if _nines(share) <= x.high}
    return chart(
        "percentiles",
        "Response time at each percentile, under load",
        "; ".join(_described(curve) for curve in drawn),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "ms"),
            *x_axis(
                _AREA, x, "share of requests, logarithmic in 1/(1\N{MINUS SIGN}q)", tuple(ticks), ticks.__getitem__
            ),
            *legend([curve.arm for curve in drawn], _AREA.right, 18),
            plot(
                _AREA,
                Axis(x, "share", is_nines=True),
                Axis(y, "ms"),
                (part for curve in drawn for part in _curve(curve, lines[curve.arm], x, y)),
            ),
        ],
    )


def last_share(curve: Curve) -> float:
    """Return the share at which an arm's curve ends."""
    return min(1 - BEYOND / max(curve.requests, 1), max(curve.share, default=0.0))


def _linear(high: float) -> AxisScale:
    return AxisScale(0, max(high, 1e-6) * 1.05, _AREA.bottom, _AREA.top)


def _nines(share: float) -> float:
    return -math.log10(1 - share)


def _line(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    share, times = np.array(curve.share), np.array(curve.latency_ms)
    last = last_share(curve)
    kept = share < last
    return np.append(share[kept], last), np.append(times[kept], at_share(curve, last))


def _curve(curve: Curve, line: tuple[np.ndarray, np.ndarray], x: AxisScale, y: AxisScale) -> list[Element]:
    look, (share, times) = LOOKS[curve.arm], line
    marked = [each for each in _MARKED if each <= share[-1]]
    return [
        path(
            x(-np.log10(1 - share)),
            y(times),
            stroke=look.colour,
            stroke_width=2,
            stroke_dasharray=look.dash,
            stroke_linejoin="round",
            data_series=curve.arm,
        ),
        *(marker(look.shape, x.at(_nines(m)), y.at(at_share(curve, m)), 4, fill=look.colour) for m in marked),
    ]


def _described(curve: Curve) -> str:
    last = last_share(curve)
    shown = [share for share in _MARKED if share <= last]
    times = [formatting.with_unit(at_share(curve, share), "ms") for share in shown]
    parts = [f"p{formatting.share(share).rstrip('%')} {time}" for share, time in zip(shown, times, strict=True)]
    return f"{curve.arm}: {', '.join(parts)}; the curve ends at {formatting.share(last)} of {curve.requests:,} requests"
