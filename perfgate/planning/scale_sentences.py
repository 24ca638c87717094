"""What is said about how large a sketch may become."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite

from perfgate.planning.answer import ObjectiveStatus, Scale, ScaleLimit, ScaleRange


def scale_sentences(scale: Scale | None) -> tuple[str, ...]:
    """Return one sentence for each limit: one, or one for each value of the second dimension."""
    if scale is None:
        return ()
    return tuple(f"{_subject(scale, limit)} {_known(limit, scale.ranges[0])}." for limit in scale.limits)


def _subject(scale: Scale, limit: ScaleLimit) -> str:
    return " with ".join(filter(None, (scale.ranges[0].dimension, fixed_words(limit))))


def fixed_words(limit: ScaleLimit) -> str:
    """Return the values of the other dimensions: `sequence=128`; empty with one dimension."""
    return ", ".join(f"{name}={value:,}" for name, value in limit.fixed.items())


def _known(limit: ScaleLimit, within: ScaleRange) -> str:
    first = f" ({limit.objective})" if limit.objective else ""
    proven = _proven(limit, first)
    if isfinite(limit.estimate):
        value = f"may be up to {_whole(limit.estimate)}{_level(_interval(limit, within))}"
        return "; ".join(filter(None, (value, proven)))
    if holds_to_the_end(limit):
        return f"holds up to {limit.holds:,}, the largest value that was tried"
    if breaks_from_the_start(limit):
        return f"breaks already at {limit.breaks:,}, the smallest value that was tried{first}"
    known = "; ".join(filter(None, (proven, _still_open(limit))))
    return f"has no limit that is known{f': {known}' if known else ''}"


def _level(interval: str) -> str:
    if interval.startswith("["):
        return f" {interval} (95%)"
    return f", {interval.strip('()')} (95%)" if interval else ", without an interval"


def holds_to_the_end(limit: ScaleLimit) -> bool:
    """Return whether even the largest value that was tried is proven to hold."""
    return limit.holds is not None and limit.holds >= max(_values(limit), default=limit.holds)


def breaks_from_the_start(limit: ScaleLimit) -> bool:
    """Return whether even the smallest value that was tried is proven to break."""
    return limit.breaks is not None and limit.breaks <= min(_values(limit), default=limit.breaks)


def _values(limit: ScaleLimit, status: ObjectiveStatus | None = None) -> Sequence[int]:
    return [each.value for each in limit.points if status in {None, each.status}]


def _proven(limit: ScaleLimit, first: str) -> str:
    """Return between which values the limit lies for sure; empty if none was proven to hold or to break."""
    holds = f"{limit.holds:,} is proven to hold" if limit.holds is not None else ""
    breaks = f"{limit.breaks:,}{'' if holds else ' is proven'} to break{first}" if limit.breaks is not None else ""
    return ", ".join(filter(None, (holds, breaks)))


def _still_open(limit: ScaleLimit) -> str:
    values = _values(limit, ObjectiveStatus.OPEN)
    if not values:
        return ""
    return f"{values[0]:,} is open" if len(values) == 1 else f"{values[0]:,} to {values[-1]:,} are open"


def limit_cells(limit: ScaleLimit, within: ScaleRange) -> tuple[str, str]:
    """Return the largest value that holds, as far as it is known, and its interval."""
    if isfinite(limit.estimate):
        return _whole(limit.estimate), _interval(limit, within)
    if holds_to_the_end(limit):
        return f"at least {limit.holds:,}", ""
    return f"below {limit.breaks:,}" if breaks_from_the_start(limit) else "not known", ""


def limit_words(limit: ScaleLimit, within: ScaleRange) -> str:
    """Return the estimate and the ends of its interval that are known: `1,460 [1,380, 1,560]`, `1,460 (at least 900)`.

    Values are whole, so all are rounded down: the line may cross the bound between two of them.
    """
    return f"{_whole(limit.estimate)} {_interval(limit, within)}".rstrip()


def _interval(limit: ScaleLimit, within: ScaleRange) -> str:
    has_low, has_high = limit.lower > within.low, isfinite(limit.upper)
    if has_low and has_high:
        return f"[{_whole(limit.lower)}, {_whole(limit.upper)}]"
    if has_low:
        return f"(at least {_whole(limit.lower)})"
    return f"(at most {_whole(limit.upper)})" if has_high else ""


def _whole(value: float) -> str:
    return f"{floor(value):,}"


def short_words(scale: Scale | None) -> str:
    """Return the limit in a few words, and with two dimensions that of the first and the last value of the second."""
    if scale is None or not scale.limits:
        return ""
    first, *_, last = (scale.limits[0], scale.limits[-1])
    shown = [first] if len(scale.limits) == 1 else [first, last]
    return f"{scale.ranges[0].dimension} {', '.join(_short(each, scale.ranges[0]) for each in shown)}"


def _short(limit: ScaleLimit, within: ScaleRange) -> str:
    fixed = f" with {fixed_words(limit)}" if limit.fixed else ""
    if isfinite(limit.estimate):
        return f"up to {limit_words(limit, within)}{fixed}"
    if holds_to_the_end(limit):
        return f"holds up to {limit.holds:,}{fixed}"
    if breaks_from_the_start(limit):
        return f"breaks already at {limit.breaks:,}{fixed}"
    return f"without a known limit{fixed}"
