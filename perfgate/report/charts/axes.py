"""Scales, ticks and the plain frame of a chart with two axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perfgate.formatting import given
from perfgate.report.charts.svg import Element, line, text


@dataclass(frozen=True, slots=True)
class AxisScale:
    """Maps values between `low` and `high` to pixels between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return pixels, as an array of the same shape."""
        data, (low, high) = np.asarray(values, np.float64), (self.low, self.high)
        if self.log:
            data, low, high = np.log(data), math.log(low), math.log(high)
        return np.asarray(self.start + (data - low) / (high - low) * (self.end - self.start))

    def at(self, value: float) -> float:
        """Return one pixel."""
        return float(self(value))

    def ticks(self, about: int = 5) -> tuple[float, ...]:
        """Return round values within the range."""
        return log_ticks(self.low, self.high, about) if self.log else linear_ticks(self.low, self.high, about)


@dataclass(frozen=True, slots=True)
class Area:
    """The rectangle in which the data is drawn, pixels."""

    left: float
    top: float
    right: float
    bottom: float


def linear_ticks(low: float, high: float, about: int) -> tuple[float, ...]:
    """Return multiples of 1, 2 or 5 times a power of ten, about as many as requested."""
    rough = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.7)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(n * step, 12) for n in range(first, last + 1))


def log_ticks(low: float, high: float, about: int) -> tuple[float, ...]:
    """Return powers of ten, with 2 and 5 or more between them if they fit; linear ticks within half a decade."""
    if math.log10(high / low) < 0.5:
        return linear_ticks(low, high, about)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices = [
        tuple(v for d in decades for f in factors if low <= (v := round(f * 10.0**d, 12)) <= high)
        for factors in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
    ]
    return next((ticks for ticks in choices if len(ticks) <= about + 2), choices[-1])


def x_axis(
    area: Area,
    scale: AxisScale,
    label: str,
    ticks: Sequence[float] | None = None,
    name: Callable[[float], str] = given,
) -> list[Element]:
    """Draw the horizontal axis: its line, tick values below it, and its title below them."""
    parts = [line(area.left, area.bottom, area.right, area.bottom, stroke="currentColor", stroke_opacity=0.5)]
    for value in scale.ticks() if ticks is None else ticks:
        x = scale.at(value)
        parts.append(line(x, area.bottom, x, area.bottom + 4, stroke="currentColor", stroke_opacity=0.5))
        parts.append(text(x, area.bottom + 18, name(value), anchor="middle", faint=True))
    parts.append(text((area.left + area.right) / 2, area.bottom + 36, label, anchor="middle", faint=True))
    return parts


def y_axis(
    area: Area, scale: AxisScale, unit: str, ticks: Sequence[float] | None = None, name: Callable[[float], str] = given
) -> list[Element]:
    """Draw faint horizontal lines, their values at the left and the unit above them."""
    parts = [text(area.left - 8, area.top - 12, unit, anchor="end", faint=True)]
    for value in scale.ticks(4) if ticks is None else ticks:
        y = scale.at(value)
        parts.append(line(area.left, y, area.right, y, stroke="currentColor", stroke_opacity=0.12))
        parts.append(text(area.left - 8, y + 4.5, name(value), anchor="end", faint=True))
    return parts
