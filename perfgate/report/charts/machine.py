"""What the machine did to the measurement: CPU pressure and steal time of every block."""

from __future__ import annotations

import numpy as np

from perfgate.report import figures
from perfgate.report.charts.axes import Area, Scale, x_axis, y_axis
from perfgate.report.charts.svg import Element, chart, dots, element, line, number, text
from perfgate.report.charts.thin import Numbers, min_max
from perfgate.report.result import BlockColumns

WIDTH, HEIGHT = 480, 250
_AREA = Area(58, 44, WIDTH - 14, HEIGHT - 48)
_POINTS = 400


def machine(blocks: BlockColumns) -> str:
    """Draw both shares over the run; the empty string when the platform tells neither."""
    order = np.argsort(np.array(blocks.start_s, np.float64), kind="stable")
    t = np.array(blocks.start_s, np.float64)[order]
    shares = {
        "CPU pressure": np.array(blocks.cpu_pressure_share, np.float64)[order],
        "steal": np.array(blocks.steal_share, np.float64)[order],
    }
    known = {name: values for name, values in shares.items() if np.isfinite(values).any()}
    if not known:
        return ""
    high = max(0.05, *(float(np.nanmax(values)) for values in known.values()))
    x = Scale(float(t.min()), max(float(t.max()), float(t.min()) + 1e-3), _AREA.left + 4, _AREA.right - 4)
    y = Scale(0, high * 1.05, _AREA.bottom, _AREA.top)
    return chart(
        "machine",
        "Interference in each block: share of time that tasks waited for a CPU, and time stolen by the host",
        "; ".join(f"{name}: highest {figures.share(float(np.nanmax(values)))}" for name, values in known.items()),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, "share", name=figures.share),
            *x_axis(_AREA, x, "time since the run began, s"),
            *_legend(list(known)),
            *(_draw(name, t, values, x, y) for name, values in known.items()),
        ],
    )


def _draw(name: str, t: Numbers, values: Numbers, x: Scale, y: Scale) -> Element:
    known = np.isfinite(values)
    at, shares = min_max(t[known], values[known], _POINTS)
    if name == "CPU pressure":
        return dots(
            x(at), y(shares), stroke="currentColor", stroke_opacity=0.45, stroke_width=3, stroke_linecap="round"
        )
    stems = "".join(
        f"M{number(a)} {number(y.at(0))}V{number(b)}"
        for a, b in zip(x(at), y(shares), strict=True)
        if y.at(0) - b > 0.1
    )
    return element("path", d=stems, stroke="currentColor", stroke_opacity=0.7, stroke_width=1.5, fill="none")


def _legend(names: list[str]) -> list[Element]:
    right, parts = _AREA.right, []
    for name in reversed(names):
        begin = right - 7.4 * len(name) - 12
        parts.append(text(right, 14, name, anchor="end"))
        if name == "CPU pressure":
            parts.append(element("circle", cx=begin + 4, cy=10, r=2, fill_opacity=0.6))
        else:
            parts.append(line(begin + 4, 3, begin + 4, 15, stroke="currentColor", stroke_opacity=0.7, stroke_width=1.5))
        right = begin - 12
    return parts
