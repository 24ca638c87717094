"""An interval as a bar of characters, in units of its metric's tolerance."""

from __future__ import annotations

import math
from typing import NamedTuple

from perfgate.gate.verdict import MetricVerdict
from perfgate.report.rows import in_tolerances

WIDTH = 25
_LEFT, _RIGHT = -2.0, 6.0
"""Tolerances at the two ends, with worse to the right; a tolerance is three characters wide."""


class _Signs(NamedTuple):
    line: str
    point: str
    limit: str
    nothing: str
    left: str
    right: str


_UNICODE = _Signs("━", "●", "│", "·", "◀", "▶")
_ASCII = _Signs("=", "o", "|", "-", "<", ">")


def gauge(verdict: MetricVerdict, *, ascii_only: bool) -> str:
    """Draw the bar: `   ·━━●━│   `, with the limit one tolerance right of no change; arrow heads mark ends outside."""
    signs = _ASCII if ascii_only else _UNICODE
    effect = verdict.effect
    ends = sorted(_place(in_tolerances(verdict, end), end) for end in (effect.lower, effect.upper))
    cells = [" "] * WIDTH
    cells[_cell(0.0)], cells[_cell(1.0)] = signs.nothing, signs.limit
    first, last = (min(max(_cell(end), 0), WIDTH - 1) for end in ends)
    for index in range(first, last + 1):
        if cells[index] != signs.limit:
            cells[index] = signs.line
    point = in_tolerances(verdict, effect.change)
    if math.isfinite(point) and 0 <= _cell(point) < WIDTH:
        cells[_cell(point)] = signs.point
    if ends[0] < _LEFT:
        cells[0] = signs.left
    if ends[1] > _RIGHT:
        cells[-1] = signs.right
    return "".join(cells)


def _place(tolerances: float, change: float) -> float:
    """Return the position in tolerances, bounded; an end without one lies beyond the edge on its side."""
    if math.isnan(tolerances):
        tolerances = math.copysign(math.inf, change)
    return max(2 * _LEFT, min(2 * _RIGHT, tolerances))


def _cell(tolerances: float) -> int:
    return round((WIDTH - 1) * (tolerances - _LEFT) / (_RIGHT - _LEFT))
