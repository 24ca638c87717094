"""Numbers as text: the same number has the same text in every line, table, page and chart."""

from __future__ import annotations

from math import ceil, floor, isfinite, log10

from perfgate.metrics import BY_NAME, Direction, Scale

MISSING = "n/a"
_LONGEST_UNIT_IN_CELL = 5
_FAR = 99.995
"""Relative changes beyond this only mean that nothing is known yet."""
_WHOLE_TO = 1e15
"""Above this, not every whole number is a float."""


def number(value: float | None) -> str:
    """Return a measured number with three significant digits, or more before the point: `0.0123`, `12.3`, `1,235`."""
    if value is None or not isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def given(value: float | None) -> str:
    """Return a configured number, as short as it was given: `20`, `12.25`, `1,500`."""
    if value is None or not isfinite(value):
        return MISSING
    return f"{value + 0.0:,.0f}" if value == round(value) and abs(value) < _WHOLE_TO else f"{value:,.6g}"


def rate(value: float | None) -> str:
    """Return a rate without its unit, three significant digits and no zeros after them: `20`, `12.5`, `1,254`."""
    if value is None or not isfinite(value):
        return MISSING
    return number(value) if abs(value) >= 100 else given(float(f"{value:.3g}"))


def share(value: float | None) -> str:
    """Return an unsigned share in percent, with enough digits to differ from 100%: `5%`, `12.3%`, `99.95%`."""
    if value is None or not isfinite(value):
        return MISSING
    size = abs(value)
    if size >= _FAR:
        return ">9,999%"
    if size >= 1:
        return f"{100 * value:,.0f}%"
    if size < 0.99:
        return f"{100 * value + 0.0:.3g}%"
    decimals = min(max(1, -floor(log10(100 * (1 - size)))), 6)
    return f"{100 * value:.{decimals}f}".rstrip("0").rstrip(".") + "%"


def with_unit(value: float | None, unit: str) -> str:
    """Return a measured number and its unit; a share becomes a percentage, a count (unit 1) has no unit."""
    return share(value) if unit == "share" else _beside(number(value), unit)


def quantity(value: float | None, metric: str) -> str:
    """Return a measured number with its unit from the metrics table: `2.61 ms`, `1.5%`."""
    return with_unit(value, _unit(metric))


def ends(lower: float, upper: float, metric: str) -> str:
    """Return the ends of a measured number's interval: `[3.80, 4.60]`, `(at least 3.80 ms)`; empty if it has none."""
    if isfinite(lower) and isfinite(upper):
        low, high = (share(end) if _unit(metric) == "share" else number(end) for end in (lower, upper))
        return f"[{low}, {high}]"
    known = f"at least {quantity(lower, metric)}" if isfinite(lower) else f"at most {quantity(upper, metric)}"
    return f"({known})" if isfinite(lower) or isfinite(upper) else ""


def measured(value: float, lower: float, upper: float, metric: str) -> str:
    """Return a measured number and its interval: `4.10 ms [3.80, 4.60]`."""
    return f"{quantity(value, metric)} {ends(lower, upper, metric)}".rstrip()


def bound(value: float, metric: str) -> str:
    """Return a limit on a metric as it was given: `20 ms`, `1%`."""
    return share(value) if _unit(metric) == "share" else _beside(given(value), _unit(metric))


def change(value: float, metric: str = "") -> str:
    """Return a signed change: relative, `+12.4%`, or in the unit of a metric compared by difference, `+1.2 pp`.

    With one decimal of a percent, and none from 100% on.
    """
    if is_difference(metric):
        return difference(value, _unit(metric))
    return f"{_relative(value)}%" if isfinite(value) else MISSING


def interval(lower: float, upper: float, metric: str = "") -> str:
    """Return both bounds of a change as `change` formats it, without units: `[+8.1, +16.9]`; far out, `>+9,999`."""
    if is_difference(metric):
        return difference_interval(lower, upper, _unit(metric))
    low, high = (_relative(end) if isfinite(end) else MISSING for end in (lower, upper))
    return f"[{low}, {high}]"


def seen(value: float, lower: float, upper: float, metric: str) -> str:
    """Return a change and its bounds, if the unit follows or is clear: `+12.4% [+8.1, +16.9]`."""
    shown = _signed(value, _unit(metric)) if is_difference(metric) else change(value)
    return f"{shown} {interval(lower, upper, metric)}"


def difference(value: float, unit: str) -> str:
    """Return a signed difference with three significant digits; of shares in percentage points, `+1.2 pp`."""
    return _beside(_signed(value, unit), "pp" if unit == "share" else unit)


def difference_interval(lower: float, upper: float, unit: str) -> str:
    """Return both bounds of a difference, without the unit: `[+0.91, +1.05]`."""
    return f"[{_signed(lower, unit)}, {_signed(upper, unit)}]"


def limit(value: float, metric: str) -> str:
    """Return the size of a regression (accepted, to catch, or detectable) as the metric's change.

    `value` is positive, symmetric on the metric's scale: 0.05 is `5%`, and `-4.76%` (1 / 1.05 - 1) where higher is
    better; a difference has its unit, `0.5 MiB/1k requests`, `1 pp`.
    """
    known = BY_NAME.get(metric)
    if known is not None and known.direction is Direction.HIGHER and isfinite(value):
        return size(known.scale.change_of(-known.scale.of_change(value)), metric)
    return size(value, metric)


def size(value: float, metric: str) -> str:
    """Return the size of a change without a direction, such as a standard deviation: `5%`, `1 pp`."""
    return difference(value, _unit(metric)).removeprefix("+") if is_difference(metric) else share(value)


def in_cell(text: str, metric: str) -> str:
    """Return the unit for a column, empty if it is too long: the metric's name implies it."""
    unit = _unit(metric)
    return text.removesuffix(unit).rstrip() if len(unit) > _LONGEST_UNIT_IN_CELL else text


def is_difference(metric: str) -> bool:
    """Return whether the arms are compared by the difference of the metric's values, not by their ratio."""
    return metric in BY_NAME and BY_NAME[metric].scale is Scale.DIFFERENCE


def duration(seconds: float) -> str:
    """Return a time span: `0.42 s`, `45 s`, `2 min 5 s`."""
    if not isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def about_times(factor: float) -> str:
    """Return a factor on time or requests, rounded up: `about 6.5 times`."""
    return f"about {given(max(1.5, ceil(2 * factor) / 2) if factor < 10 else ceil(factor))} times"


def short_digest(digest: str) -> str:
    """Return the first twelve digits of a digest, with its algorithm: `sha256:a1b2c3d4e5f6`."""
    kind, colon, digits = digest.rpartition(":")
    return f"{kind}{colon}{digits[:12]}"


def _relative(value: float) -> str:
    if value >= _FAR:
        return ">+9,999"
    percent = 100 * value
    decimals = 1 if abs(percent) < 99.95 else 0
    return f"{round(percent, decimals) + 0.0:+,.{decimals}f}"  # + 0.0 turns -0.0 into 0.0


def _signed(value: float, unit: str) -> str:
    if not isfinite(value):
        return MISSING
    in_unit = 100 * value if unit == "share" else value
    return f"{in_unit:+,.0f}" if abs(in_unit) >= 1000 else f"{float(f'{in_unit:.3g}') + 0.0:+g}"


def _beside(text: str, unit: str) -> str:
    return text if text == MISSING or unit in {"", "1"} else f"{text} {unit}"


def _unit(metric: str) -> str:
    return BY_NAME[metric].unit if metric in BY_NAME else ""
