"""What takes the time of an execution: one bar each for the layers, or the types of operations, that take the most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfgate import formatting
from perfgate.explain.profile import GroupTime, Profile
from perfgate.report.charts.axes import Area, AxisScale, x_axis
from perfgate.report.charts.levels import LETTER_PX
from perfgate.report.charts.svg import BLUE, Element, chart, element, line, text

WIDTH, _ROW, _TOP, _BAR = 480, 40, 4, 14
_MOST = 12
_GREY = "#6E6E78"


def layer_shares(profile: Profile) -> str:
    """Draw the layers; an empty string if none is known."""
    return _shares("layers", "Time of an execution by layer", profile.by_layer, profile)


def type_shares(profile: Profile) -> str:
    """Draw the types of operations; an empty string if none is known."""
    return _shares("types", "Time of an execution by type of operation", profile.by_type, profile)


def _shares(slug: str, title: str, groups: Sequence[GroupTime], profile: Profile) -> str:
    if not groups or not profile.execute_ms > 0:
        return ""
    shown = [*groups[:_MOST], *_others(groups[_MOST:])]
    rest = GroupTime("outside of ops", profile.rest_ms, math.nan, math.nan)
    rows = [*shown, rest]
    area = Area(10, _TOP, WIDTH - 10, _TOP + _ROW * len(rows))
    most_ms = max(end for row in rows for end in (row.ms, row.high) if math.isfinite(end))
    scale = AxisScale(0, 1.02 * max(most_ms, 1e-6) / profile.execute_ms, area.left, area.right)
    return chart(
        slug,
        title,
        "; ".join(f"{row.name} {_words(row, profile)}" for row in rows),
        (WIDTH, area.bottom + 46),
        [
            *x_axis(area, scale, "share of an execution", name=formatting.share),
            *(part for place, row in enumerate(rows) for part in _bar(row, profile, scale, _TOP + _ROW * place)),
        ],
    )


def _others(groups: Sequence[GroupTime]) -> Iterator[GroupTime]:
    if groups:
        yield GroupTime(f"{len(groups):,} more", sum(each.ms for each in groups), math.nan, math.nan)


def _words(row: GroupTime, profile: Profile) -> str:
    return f"{formatting.with_unit(row.ms, 'ms')}, {formatting.share(row.ms / profile.execute_ms)}"


def _bar(row: GroupTime, profile: Profile, scale: AxisScale, top: float) -> Iterator[Element]:
    known = math.isfinite(row.low) and math.isfinite(row.high)
    words, y = _words(row, profile), top + 20
    right = scale.at(max(row.ms, 0.0) / profile.execute_ms)
    room = int((scale.end - scale.start) / LETTER_PX) - len(words) - 2
    yield text(scale.start, top + 14, _ending(row.name, room))
    yield text(scale.end, top + 14, words, anchor="end")
    yield element(
        "rect", x=scale.start, y=y, width=max(right - scale.start, 0.5), height=_BAR,
        fill=BLUE if known else _GREY, fill_opacity=0.55,
    )  # fmt: skip
    if known:
        low, high = (scale.at(max(end, 0.0) / profile.execute_ms) for end in (row.low, row.high))
        yield line(low, y + _BAR / 2, high, y + _BAR / 2, stroke="currentColor", stroke_width=1.5)
        yield from (line(x, y + 3, x, y + _BAR - 3, stroke="currentColor", stroke_width=1.5) for x in (low, high))


def _ending(name: str, most: int) -> str:
    """Return the end of a name that is too long: scopes are told apart by it."""
    return name if len(name) <= most else f"\N{HORIZONTAL ELLIPSIS}{name[-most + 1 :]}"
