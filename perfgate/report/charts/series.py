"""A series over the run: every trial a dot, with a line for its course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate import formatting
from perfgate.report.charts.arms import LOOKS, ArmLook, legend
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.downsample import medians, min_max
from perfgate.report.charts.svg import Element, chart, dots, marker, path, text
from perfgate.report.charts.tooltips import Axis, plot

WIDTH, HEIGHT = 480, 250
_AREA = Area(58, 44, WIDTH - 14, HEIGHT - 48)
_POINTS, _RUNS = 800, 30
_FAINT_FROM = 100
"""Number of dots from which they are small and pale, so that their density shows."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One quantity over the run."""

    slug: str
    title: str
    unit: str
    arms: Mapping[str, tuple[Numbers, Numbers]]
    """Seconds since the run began (ascending) and values, by arm."""


def series(panel: Panel) -> str:
    """Draw a panel; an empty string if it has no values."""
    arms = {arm: data for arm, data in panel.arms.items() if len(data[0]) and arm in LOOKS}
    if not arms:
        return ""
    x, y = _scales(arms)
    above = sum(int(np.sum(values > y.high)) for _, values in arms.values())
    highest = max(float(np.max(values)) for _, values in arms.values())
    note = f"▲ {above:,} above, up to {formatting.with_unit(highest, panel.unit)}" if above else ""
    parts = [part for arm, (t, values) in arms.items() for part in points(LOOKS[arm], (t, values), (x, y), _POINTS)]
    courses = [part for arm, (t, values) in arms.items() for part in course(LOOKS[arm], (t, values), (x, y))]
    return chart(
        panel.slug,
        f"{panel.title}, {panel.unit}, over the run",
        "; ".join([*(described(arm, values, panel.unit) for arm, (_, values) in arms.items()), *filter(None, [note])]),
        (WIDTH, HEIGHT),
        [
            *y_axis(_AREA, y, panel.unit),
            *x_axis(_AREA, x, "time since the run began, s"),
            *legend(list(arms), _AREA.right, 14),
            text(_AREA.right, _AREA.top - 12, note, anchor="end", faint=True, font_size=12),
            plot(_AREA, Axis(x, "s"), Axis(y, panel.unit), [*parts, *courses]),
        ],
    )


def _scales(arms: Mapping[str, tuple[Numbers, Numbers]]) -> tuple[AxisScale, AxisScale]:
    times = np.concatenate([t for t, _ in arms.values()])
    begin, end = float(times.min()), float(times.max())
    x = AxisScale(begin, max(end, begin + 1e-3), _AREA.left + 4, _AREA.right - 4)
    return x, value_scale([np.concatenate([v for _, v in arms.values()])], _AREA)


def value_scale(parts: Sequence[Numbers], area: Area, *, log: bool = False) -> AxisScale:
    """Return a range that covers nearly all values of each part; outliers would compress the rest, and are marked."""
    ends = np.array([np.quantile(values, [0.002, 0.985]) for values in parts])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if log and low > 0:
        half = max(np.log(high / low) * 0.58, 0.05)
        middle = np.sqrt(low * high)
        return AxisScale(float(middle / np.exp(half)), float(middle * np.exp(half)), area.bottom, area.top, log=True)
    middle = (low + high) / 2
    half = max((high - low) * 0.58, abs(middle) * 0.01, 1e-9)
    bottom = max(middle - half, 0.0) if low >= 0 else middle - half
    return AxisScale(bottom, middle + half, area.bottom, area.top)


def points(
    look: ArmLook, data: tuple[Numbers, Numbers], axes: tuple[AxisScale, AxisScale], limit: int
) -> list[Element]:
    """Draw at most `limit` dots, including the lowest and highest; values above the frame are triangles at its edge."""
    (t, values), (x, y) = data, axes
    kept_t, kept = min_max(t, values, limit)
    within = (kept <= y.high) & (kept >= y.low)
    few = len(kept_t) < _FAINT_FROM
    ink: dict[str, str | float | None] = {"stroke": look.colour, "stroke_opacity": 0.75 if few else 0.32}
    ink["data_series"] = None if _runs(t) else look.name
    size = 4.5 if few else 2.4
    parts = [dots(x(kept_t[within]), y(kept[within]), stroke_width=size, stroke_linecap=look.cap, **ink)]
    # At most one mark every 5 pixels, over the whole run.
    outliers = np.unique(np.round(x(t[values > y.high]) / 5) * 5).tolist()
    row = 3 if look.cap == "round" else -4
    return [*parts, *(marker("triangle", at, y.end + row, 3, fill=look.colour) for at in outliers)]


def course(look: ArmLook, data: tuple[Numbers, Numbers], axes: tuple[AxisScale, AxisScale]) -> list[Element]:
    """Draw the medians of consecutive trials as a line; nothing if there are too few."""
    (t, values), (x, y) = data, axes
    runs = _runs(t)
    if not runs:
        return []
    at, medial = medians(t, values, runs)
    shown = np.clip(medial, y.low, y.high)
    return [
        path(
            x(at), y(shown), stroke=look.colour, stroke_width=2.2, stroke_dasharray=look.dash, stroke_linejoin="round",
            data_series=look.name,
        )
    ]  # fmt: skip


def _runs(t: Numbers) -> int:
    """Return the number of points of the line; 0 if there is no line and values are read from the dots."""
    runs = min(_RUNS, len(t) // 6)
    return runs if runs >= 2 else 0


def described(arm: str, values: Numbers, unit: str) -> str:
    """Return a description of one arm's dots."""
    low, middle, high = (formatting.with_unit(float(v), unit) for v in np.quantile(values, [0, 0.5, 1]))
    return f"{arm}: median {middle}, lowest {low}, highest {high}, {len(values):,} trials"
