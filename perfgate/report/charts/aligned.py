"""The whole run in one picture: one strip for each quantity, all on one time axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from perfgate import formatting
from perfgate.report.charts.arms import LOOKS, ArmLook, legend
from perfgate.report.charts.axes import Area, AxisScale, x_axis, y_axis
from perfgate.report.charts.series import course, points, value_scale
from perfgate.report.charts.spans import Span, disturbed, disturbed_blocks, lanes, parted, warm_up
from perfgate.report.charts.svg import Element, chart, element, line, text
from perfgate.report.charts.tooltips import Axis, plot
from perfgate.report.charts.tracks import Track
from perfgate.results.result import Result

WIDTH = 1080
_LEFT, _RIGHT, _TOP = 64, WIDTH - 14, 64
_HEIGHT, _QUIET_HEIGHT, _GAP, _BELOW = 78, 20, 34, 48
_POINTS = 900
_SHADES = {"warm-up": ("currentColor", 0.1), "disturbed": ("#9A6700", 0.22)}
_MACHINE = {
    "CPU pressure": ArmLook("CPU pressure", "currentColor", "none", "circle", "round"),
    "steal": ArmLook("steal", "currentColor", "2 3", "square", "square"),
}
_LOOKS: dict[str, ArmLook] = {**LOOKS, **_MACHINE}


def aligned(result: Result, tracks: Sequence[Track]) -> str:
    """Draw the tracks from the start of warm-up to the end of the last block; empty without tracks or blocks."""
    measured = lanes(result.blocks)
    if not tracks or not measured:
        return ""
    warm = warm_up(result)
    begin_s, end_s = (warm or measured[0]).begin_s, _end_s(measured, tracks)
    areas = list(_areas(tracks))
    whole = Area(_LEFT, _TOP, _RIGHT, areas[-1].bottom)
    x = AxisScale(begin_s, max(end_s, begin_s + 1e-3), whole.left, whole.right)
    nearer_s = (end_s - begin_s) / (whole.right - whole.left)  # one pixel: closer points would only add bytes
    hit = disturbed(result.blocks, nearer_s)
    shaded = [*([warm] if warm else []), *hit]
    arms = [arm for arm in LOOKS if any(arm in track.series for track in tracks)]
    return chart(
        "aligned",
        "All measurements over the run",
        _described(result, tracks, measured, warm),
        (WIDTH, whole.bottom + _BELOW),
        [
            *(part for span in shaded for part in _shade(span, x, whole)),
            *_lane_marks(measured, x, whole),
            *legend(arms, whole.right, 16),
            *_shade_legend([span.name for span in shaded]),
            *(part for track, area in zip(tracks, areas, strict=True) for part in _track(track, area, x, measured)),
            *x_axis(whole, x, "time since the run began, s"),
        ],
    )


def _end_s(measured: Sequence[Span], tracks: Sequence[Track]) -> float:
    return max(
        *(span.end_s for span in measured), *(float(t[-1]) for track in tracks for t, _ in track.series.values())
    )


def _areas(tracks: Sequence[Track]) -> Iterator[Area]:
    top = float(_TOP + 20)
    for track in tracks:
        bottom = top + (_QUIET_HEIGHT if _is_quiet(track) else _HEIGHT)
        yield Area(_LEFT, top, _RIGHT, bottom)
        top = bottom + _GAP


def _is_quiet(track: Track) -> bool:
    return bool(track.quiet) and not any(np.any(values != 0) for _, values in track.series.values())


def _shade(span: Span, x: AxisScale, whole: Area) -> list[Element]:
    left = x.at(span.begin_s)
    width = max(x.at(span.end_s) - left, 1.5)
    colour, opacity = _SHADES[span.name]
    height = whole.bottom - whole.top
    ground = element("rect", x=left, y=whole.top, width=width, height=height, fill=colour, fill_opacity=opacity)
    if span.name != "disturbed":
        return [ground]
    return [
        ground,
        element("rect", x=left, y=whole.top - 4, width=width, height=4, fill=colour),
    ]  # a shape as well as the tint


def _shade_legend(names: Sequence[str]) -> list[Element]:
    words = {"warm-up": "warm-up", "disturbed": "block disturbed by other work"}
    left, parts = float(_LEFT), []
    for name in (name for name in _SHADES if name in names):
        colour, opacity = _SHADES[name]
        parts.append(element("rect", x=left, y=5, width=22, height=13, fill=colour, fill_opacity=opacity))
        if name == "disturbed":
            parts.append(element("rect", x=left, y=2, width=22, height=4, fill=colour))
        parts.append(text(left + 28, 16, words[name]))
        left += 7.4 * len(words[name]) + 52
    return parts


def _lane_marks(measured: Sequence[Span], x: AxisScale, whole: Area) -> list[Element]:
    parts, free = [], whole.left
    for span in measured:
        left, right = x.at(span.begin_s), x.at(span.end_s)
        parts.append(
            line(
                left,
                whole.top - 16,
                left,
                whole.bottom,
                stroke="currentColor",
                stroke_opacity=0.35,
                stroke_dasharray="1 3",
            )
        )
        width = 7.4 * len(span.name)
        at = max(min(left + 4, whole.right - width), free)
        if right - left > 2 and at + width <= whole.right + 1:
            parts.append(text(at, whole.top - 8, span.name, faint=True))
            free = at + width + 8
    return parts


def _track(track: Track, area: Area, x: AxisScale, measured: Sequence[Span]) -> list[Element]:
    heading = text(area.left, area.top - 10, track.title, font_weight="600")
    if _is_quiet(track):
        return [
            heading,
            text(area.left + 8, area.top + 14, track.quiet, faint=True),
            line(area.left, area.bottom, area.right, area.bottom, stroke="currentColor", stroke_opacity=0.12),
        ]
    y = _value_axis(track, area, measured)
    unit = "" if track.unit == "share" else track.unit
    names = formatting.share if track.unit == "share" else formatting.given
    return [
        heading,
        *_limits(track, area, y),
        *y_axis(area, y, unit, _few(y), names),
        *_note(track, area, y),
        plot(
            area,
            Axis(x, "s"),
            Axis(y, track.unit),
            (part for name in track.series for part in _dots(track, name, (x, y), measured)),
            name=track.title,
        ),
    ]


def _value_axis(track: Track, area: Area, measured: Sequence[Span]) -> AxisScale:
    values = np.concatenate([v for _, v in track.series.values()])
    if track.from_zero:
        return AxisScale(0, max(float(values.max()), 1e-3) * 1.05, area.bottom, area.top)
    parts = [v[part] for t, v in track.series.values() for part in parted(t, measured) if part.size]
    return value_scale(parts, area, log=track.log)


def _few(y: AxisScale) -> tuple[float, ...]:
    """Return two to four ticks, as many as fit a strip."""
    ticks = y.ticks(3)
    return ticks[:: -(-len(ticks) // 4)] if ticks else (y.low, y.high)


def _note(track: Track, area: Area, y: AxisScale) -> list[Element]:
    above = sum(int(np.sum(values > y.high)) for _, values in track.series.values())
    if not above:
        return []
    highest = max(float(np.max(values)) for _, values in track.series.values())
    words = f"▲ {above:,} above, up to {formatting.with_unit(highest, track.unit)}"
    return [text(area.right, area.top - 10, words, anchor="end", faint=True, font_size=12)]


def _dots(track: Track, name: str, axes: tuple[AxisScale, AxisScale], measured: Sequence[Span]) -> list[Element]:
    """Draw each lane separately: it has its own number of dots, and no line connects two lanes."""
    look, (t, values) = _LOOKS.get(name), track.series[name]
    parts: list[Element] = []
    for lane in parted(t, measured):
        kept = lane[values[lane] != 0] if track.from_zero else lane  # thousands of zeros carry no information
        if look is None or not kept.size:
            continue
        parts += points(look, (t[kept], values[kept]), axes, _POINTS // len(measured))
        parts += [] if track.from_zero else course(look, (t[lane], values[lane]), axes)
    return parts


def _limits(track: Track, area: Area, y: AxisScale) -> list[Element]:
    parts = []
    for value, name in track.limits:
        if y.high / 10 <= value <= y.high:
            at = y.at(value)
            parts += [
                line(area.left, at, area.right, at, stroke="currentColor", stroke_opacity=0.6, stroke_dasharray="4 3"),
                text(area.right, at - 4, f"{name}, {formatting.share(value)}", anchor="end", faint=True, font_size=12),
            ]
    return parts


def _described(result: Result, tracks: Sequence[Track], measured: Sequence[Span], warm: Span | None) -> str:
    hit = disturbed_blocks(result.blocks)
    parts = [_words(track, measured) for track in tracks]
    parts.append(f"{sum(hit):,} of {len(hit):,} blocks were disturbed by other work")
    if warm is not None:
        parts.append(f"warm-up took {formatting.duration(warm.end_s - warm.begin_s)}")
    return "; ".join(parts)


def _words(track: Track, measured: Sequence[Span]) -> str:
    if _is_quiet(track):
        return f"{track.title}: {track.quiet}"
    return f"{track.title}: {', '.join(_findings(track, measured))}"


def _findings(track: Track, measured: Sequence[Span]) -> Iterator[str]:
    """Return a track's typical value in each lane, or in all lanes if it belongs to the machine."""
    for name, (t, values) in track.series.items():
        if name in _MACHINE:
            yield f"{name} at most {formatting.with_unit(float(values.max()), track.unit)}"
            continue
        for span, part in zip(measured, parted(t, measured), strict=True):
            if part.size:
                yield f"{name} {formatting.with_unit(float(track.typical(values[part])), track.unit)} in {span.name}"
