"""Latency distributions: the share of requests answered within a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate import formatting
from perfgate.report.charts.arms import LOOKS, legend
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.svg import Element, chart, marker, path
from perfgate.report.charts.tooltips import Axis, plot
from perfgate.stats.summary import Curve

WIDTH, HEIGHT = 480, 400
_AREA = Area(58, 34, WIDTH - 14, HEIGHT - 48)
_MARKED = (0.5, 0.9, 0.99)


def ecdf(curves: Sequence[Curve]) -> str:
    """Draw one curve an arm; an empty string if no arm has two points."""
    drawn = [curve for curve in curves if len(curve.latency_ms) >= 2 and curve.arm in LOOKS]
    if not drawn:
        return ""
    low = min(curve.latency_ms[0] for curve in drawn)
    high = max(curve.latency_ms[-1] for curve in drawn)
    x = AxisScale(max(low, 1e-6) / 1.05, max(high, low * 1.2, 1e-6) * 1.05, _AREA.left, _AREA.right, log=True)
    y = AxisScale(0, 1.02, _AREA.bottom, _AREA.top)
    return chart(
        "ecdf",
        "Response times under load",
        "; ".join(_described(curve) for curve in drawn),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "share", (0, 0.25, 0.5, 0.75, 0.9, 1), formatting.share),
            *x_axis(_AREA, x, "response time, ms (logarithmic)"),
            *legend([curve.arm for curve in drawn], _AREA.right, 18),
            plot(
                _AREA,
                Axis(x, "ms"),
                Axis(y, "share"),
                (part for curve in drawn for part in _curve(curve, x, y)),
            ),
        ],
    )


def at_share(curve: Curve, share: float) -> float:
    """Return the time within which that share was answered, ms, interpolated linearly between the kept points."""
    return float(np.interp(share, curve.share, curve.latency_ms))


def _curve(curve: Curve, x: AxisScale, y: AxisScale) -> list[Element]:
    look = LOOKS[curve.arm]
    line = path(
        x(np.maximum(curve.latency_ms, 1e-6)),
        y(curve.share),
        stroke=look.colour,
        stroke_width=2,
        stroke_dasharray=look.dash,
        stroke_linejoin="round",
        data_series=curve.arm,
    )
    points = [
        marker(look.shape, x.at(max(at_share(curve, share), 1e-6)), y.at(share), 4, fill=look.colour)
        for share in _supported(curve)
    ]
    return [line, *points]


def _supported(curve: Curve) -> list[float]:
    """Return the percentiles that at least one request exceeds and that lie among answered requests."""
    return [share for share in _MARKED if curve.requests * (1 - share) >= 1 and share <= curve.share[-1]]


def _described(curve: Curve) -> str:
    parts = ", ".join(
        f"{formatting.share(share)} within {formatting.with_unit(at_share(curve, share), 'ms')}"
        for share in _supported(curve)
    )
    return f"{curve.arm}: {curve.requests:,} requests, {parts}"
