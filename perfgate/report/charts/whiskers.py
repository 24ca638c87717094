"""An interval as a line with an upright at each end, or an arrow head where the end lies beyond the picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from perfgate.report.charts.svg import Element, line, path


def whiskers(
    ends: tuple[float, float], y: float, beyond: tuple[bool, bool], width: float = 1.5, **ink: str | float | None
) -> Iterator[Element]:
    """Draw it across, between two places in pixels; `beyond`: whether each end is further out than its place."""
    yield line(ends[0], y, ends[1], y, stroke_width=width, **ink)
    for x, side, is_beyond in zip(ends, (-1, 1), beyond, strict=True):
        shape = ((x - side * 6, y - 4), (x, y), (x - side * 6, y + 4)) if is_beyond else ((x, y - 4), (x, y + 4))
        corners = np.array(shape, np.float64)
        yield path(corners[:, 0], corners[:, 1], stroke_width=1.5, **ink)
