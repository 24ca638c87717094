"""Horizontal lines for what is allowed, with their words where they cover the least of what is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from perfgate.report.charts.axes import Area
from perfgate.report.charts.svg import Element, line, text

HALO: dict[str, str | float | None] = {"stroke": "#FFFFFF", "stroke_width": 4.0, "paint_order": "stroke"}
"""A ground around letters that keeps lines away from them."""
LETTER_PX = 7.4
"""Mean width of a letter where letters are largest, in narrow windows."""
_FINE = 200
"""Points into which a curve is divided to see what words would cover."""

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Coordinates of a polyline, pixels."""


@dataclass(frozen=True, slots=True)
class Level:
    """One line."""

    y: float
    """Pixels."""
    words: str


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    width: float
    height: float = 18.0

    def count(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> int:
        """Return how many points lie in it."""
        across = (x >= self.left - 4) & (x <= self.left + self.width + 4)
        return int(np.sum(across & (y >= self.top - 3) & (y <= self.top + self.height + 3)))


def levels(area: Area, drawn: Sequence[Level], curves: Sequence[Curve]) -> Iterator[Element]:
    """Draw the lines; their words above or below them, at the left or right end."""
    x, y = _covered(area, drawn, curves)
    for each in drawn:
        yield line(area.left, each.y, area.right, each.y, stroke="currentColor", stroke_dasharray="2 3")
        width = LETTER_PX * len(each.words)
        tops = [top for top in (each.y - 20, each.y + 3) if area.top <= top <= area.bottom - 18] or [each.y - 20]
        boxes = [_Box(left, top, width) for left, top in product((area.left + 6, area.right - 6 - width), tops)]
        best = min(boxes, key=lambda box: box.count(x, y))
        is_left = best.left == area.left + 6
        at, anchor = (best.left, "start") if is_left else (area.right - 6, "end")
        yield text(at, best.top + 14, each.words, anchor=anchor, faint=False, **HALO)
        x, y = np.append(x, best.left + np.linspace(0, width, _FINE)), np.append(y, np.full(_FINE, best.top + 9))


def _covered(area: Area, drawn: Sequence[Level], curves: Sequence[Curve]) -> Curve:
    """Return points along everything that words should not cover."""
    ways = [
        *(way for way in curves if way[0].size),
        *((np.array([area.left, area.right]), np.array([each.y, each.y])) for each in drawn),
    ]
    fine = np.linspace(0, 1, _FINE)
    steps = [np.linspace(0, 1, len(x)) for x, _ in ways]
    across = [np.interp(fine, step, x) for step, (x, _) in zip(steps, ways, strict=True)]
    along = [np.interp(fine, step, y) for step, (_, y) in zip(steps, ways, strict=True)]
    return np.concatenate([np.empty(0), *across]), np.concatenate([np.empty(0), *along])
