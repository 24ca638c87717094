"""Latency distributions: the share of requests answered within a time, drawn so that the tail has room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perfgate.report import figures
from perfgate.report.charts.arms import LOOKS, legend
from perfgate.report.charts.axes import Area, Scale, x_axis, y_axis
from perfgate.report.charts.svg import Element, chart, marker, path
from perfgate.stats.summary import Curve

WIDTH, HEIGHT = 480, 400
_AREA = Area(58, 34, WIDTH - 14, HEIGHT - 48)
_MARKED = (0.5, 0.9, 0.99)


def ecdf(curves: Sequence[Curve]) -> str:
    """Draw one curve an arm; the empty string when no arm has two points."""
    drawn = [curve for curve in curves if len(curve.latency_ms) >= 2 and curve.arm in LOOKS]
    if not drawn:
        return ""
    low = min(curve.latency_ms[0] for curve in drawn)
    high = max(curve.latency_ms[-1] for curve in drawn)
    x = Scale(max(low, 1e-6) / 1.05, max(high, low * 1.2, 1e-6) * 1.05, _AREA.left, _AREA.right, log=True)
    nines = max(_nines(1 - 0.5 / max(curve.requests, 2)) for curve in drawn)
    y = Scale(0, max(float(nines), 1.05), _AREA.bottom, _AREA.top)
    shares = [share for share in (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999) if _nines(share) <= y.high]
    marks = [float(_nines(share)) for share in shares]
    names = dict(zip(marks, (f"{100 * share:g}%" for share in shares), strict=True))
    return chart(
        "ecdf",
        "Response times under load",
        "; ".join(_described(curve) for curve in drawn),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "share", marks, names.__getitem__),
            *x_axis(_AREA, x, "response time, ms (logarithmic)"),
            *legend([curve.arm for curve in drawn], _AREA.right, 18),
            *(part for curve in drawn for part in _curve(curve, x, y)),
        ],
    )


def at_share(curve: Curve, share: float) -> float:
    """Give the time within which that share was answered; linear between the kept points, ms."""
    return float(np.interp(share, curve.share, curve.latency_ms))


def _nines(share: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.log10(1 - np.asarray(share, np.float64))


def _curve(curve: Curve, x: Scale, y: Scale) -> list[Element]:
    look = LOOKS[curve.arm]
    # The slowest request stands at 1, which has no place on this axis: half a request short of it.
    share = np.minimum(np.asarray(curve.share), 1 - 0.5 / max(curve.requests, 2))
    line = path(
        x(np.maximum(curve.latency_ms, 1e-6)),
        y(_nines(share)),
        stroke=look.colour,
        stroke_width=2,
        stroke_dasharray=look.dash,
        stroke_linejoin="round",
    )
    marked = [share for share in _MARKED if curve.requests * (1 - share) >= 1]
    points = [
        marker(look.shape, x.at(at_share(curve, share)), y.at(float(_nines(share))), 4, fill=look.colour)
        for share in marked
    ]
    return [line, *points]


def _described(curve: Curve) -> str:
    parts = ", ".join(f"{100 * share:g}% within {figures.figure(at_share(curve, share))} ms" for share in _MARKED)
    return f"{curve.arm}: {curve.requests:,} requests, {parts}"
