"""Numbers of a verdict as its reasons and headlines say them."""

from __future__ import annotations

from math import ceil

from perfgate.metrics import Metric, Scale
from perfgate.stats.effect import Effect


def percent(share: float) -> str:
    """Print a signed relative change: `+12.4%`."""
    return f"{_tenths(share):+.1f}%"


def change(metric: Metric, value: float) -> str:
    """Print a signed change of the metric: `+12.4%`, or a difference `+0.98 MiB/1k requests`, of shares `+1.5 pp`."""
    return percent(value) if metric.scale is Scale.RATIO else f"{_difference(metric, value)} {_unit(metric)}"


def bare_change(metric: Metric, value: float) -> str:
    """Print it where its unit follows: `+12.4%`, `+0.98`."""
    return percent(value) if metric.scale is Scale.RATIO else _difference(metric, value)


def seen(metric: Metric, effect: Effect) -> str:
    """Print a change with its bounds: `+12.4% [+8.1, +16.9]`."""
    return f"{bare_change(metric, effect.change)} {interval(metric, effect)}"


def interval(metric: Metric, effect: Effect) -> str:
    """Print the two one-sided bounds without their unit: `[+8.1, +16.9]`."""
    ends = (effect.lower, effect.upper)
    if metric.scale is Scale.RATIO:
        return "[" + ", ".join(f"{_tenths(end):+.1f}" for end in ends) + "]"
    return "[" + ", ".join(_difference(metric, end) for end in ends) + "]"


def limit(metric: Metric, value: float) -> str:
    """Print an accepted change as it is given: `2.5%`, `0.5 MiB/1k requests`, `1 pp`."""
    if metric.scale is Scale.RATIO or metric.unit == "share":
        return f"{100 * value:.3g}{'%' if metric.scale is Scale.RATIO else ' pp'}"
    return f"{value:.3g} {metric.unit}"


def amount(value: float, unit: str) -> str:
    """Give a value in its metric's unit: a share in percent, a count (unit 1) as it is."""
    if unit == "share":
        return f"{100 * value:.4g}%"
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"


def about_times(factor: float) -> str:
    """Print a factor on time or requests, rounded up: `about 6.5 times`."""
    rounded = max(1.5, ceil(2 * factor) / 2) if factor < 10 else ceil(factor)
    return f"about {rounded:,g} times"


def _tenths(share: float) -> float:
    return round(100 * share, 1) + 0.0  # + 0.0 turns -0.0 into 0.0


def _difference(metric: Metric, value: float) -> str:
    in_unit = 100 * value if metric.unit == "share" else value
    return f"{float(f'{in_unit:.3g}') + 0.0:+g}"


def _unit(metric: Metric) -> str:
    return "pp" if metric.unit == "share" else metric.unit
