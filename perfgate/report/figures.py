"""Numbers as people read them: three significant digits, a unit, the same format in terminal and page."""

from __future__ import annotations

import math

from perfgate.metrics import BY_NAME, Scale

MISSING = "n/a"
_LONGEST_UNIT_IN_CELL = 5


def figure(value: float | None) -> str:
    """Give three significant digits, and never fewer than all digits before the point: `0.0123`, `12.3`, `1,235`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def with_unit(value: float | None, unit: str) -> str:
    """Give the number and its unit; a share is shown in percent, a count (unit 1) as it is."""
    text = figure(value)
    if text == MISSING:
        return text
    return share(value) if unit == "share" else f"{text} {'' if unit == '1' else unit}".rstrip()


def quantity(value: float | None, metric: str) -> str:
    """Give the number with the unit that the metrics table has for it."""
    return with_unit(value, BY_NAME[metric].unit if metric in BY_NAME else "")


def short_digest(digest: str) -> str:
    """Give twelve of the digits, with what they are a digest of: `sha256:a1b2c3d4e5f6`."""
    kind, colon, digits = digest.rpartition(":")
    return f"{kind}{colon}{digits[:12]}"


def share(value: float | None) -> str:
    """Give an unsigned share in percent: 0.05 is `5%`."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{100 * value:,.0f}%" if abs(value) >= 1 else f"{100 * value:.3g}%"


def _signed(value: float) -> str:
    percent = 100 * value
    digits = 1 if abs(percent) < 99.95 else 0
    return f"{round(percent, digits) + 0.0:+,.{digits}f}"


def change(value: float, metric: str = "") -> str:
    """Give a signed change: relative, `+12.4%`, or where a metric is compared by difference in its unit, `+1.2 pp`."""
    if not math.isfinite(value):
        return MISSING
    if not is_difference(metric):
        return f"{_bound(value)}%"
    return f"{_difference(value, metric)} {_difference_unit(metric)}"


def interval(lower: float, upper: float, metric: str = "") -> str:
    """Give both bounds of a change as `change` gives it, without units: `[+8.1, +16.9]`; far out, `>+9,999`."""
    number = _difference if is_difference(metric) else lambda bound, _: _bound(bound)
    low, high = (number(bound, metric) if math.isfinite(bound) else MISSING for bound in (lower, upper))
    return f"[{low}, {high}]"


def _bound(value: float) -> str:
    """Give an end of an interval; one that is far out says no more than that nothing is known yet."""
    return ">+9,999" if value >= 99.995 else _signed(value)


def limit(value: float, metric: str) -> str:
    """Give an accepted change, unsigned: a share in percent, or a difference in the metric's unit."""
    if not is_difference(metric) or not math.isfinite(value):
        return share(value)
    return f"{_difference(value, metric).removeprefix('+')} {_difference_unit(metric)}"


def in_cell(text: str, metric: str) -> str:
    """Leave out a unit that is too long for a column: the metric's name says it."""
    unit = BY_NAME[metric].unit if metric in BY_NAME else ""
    return text.removesuffix(unit).rstrip() if len(unit) > _LONGEST_UNIT_IN_CELL else text


def is_difference(metric: str) -> bool:
    """Say whether the arms are compared by the difference of the metric's values, not by their ratio."""
    return metric in BY_NAME and BY_NAME[metric].scale is Scale.DIFFERENCE


def _difference(value: float, metric: str) -> str:
    in_unit = 100 * value if BY_NAME[metric].unit == "share" else value
    return f"{float(f'{in_unit:.3g}') + 0.0:+g}"


def _difference_unit(metric: str) -> str:
    unit = BY_NAME[metric].unit
    return "pp" if unit == "share" else unit


def duration(seconds: float) -> str:
    """Give a time span: `0.42 s`, `45 s`, `2 min 5 s`."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
