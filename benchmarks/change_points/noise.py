"""Series without a change of level, of mean 0 and about unit variance, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Numbers = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Numbers]

_SETTLING = 100


def normal(rng: np.random.Generator, count: int) -> Numbers:
    """Draw independent normal values."""
    return rng.standard_normal(count)


def student_t3(rng: np.random.Generator, count: int) -> Numbers:
    """Draw from Student's t with 3 degrees of freedom: heavy tails."""
    return np.asarray(rng.standard_t(3, count) / np.sqrt(3))


def log_normal(rng: np.random.Generator, count: int) -> Numbers:
    """Draw log-normal values, skewed to the right (sigma 0.7)."""
    variance = 0.7**2
    values = np.exp(0.7 * rng.standard_normal(count))
    return np.asarray((values - np.exp(variance / 2)) / np.sqrt(np.expm1(variance) * np.exp(variance)))


def one_outlier(rng: np.random.Generator, count: int) -> Numbers:
    """Put one value at 8 standard deviations."""
    values = normal(rng, count)
    values[rng.integers(count)] = 8.0
    return values


def spikes(rng: np.random.Generator, count: int) -> Numbers:
    """Let one value in twenty be 3 to 12 standard deviations too high: a busy neighbour."""
    return normal(rng, count) + np.where(rng.uniform(size=count) < 0.05, rng.uniform(3, 12, count), 0.0)


def autoregressive(rho: float, innovations: Noise = normal) -> Noise:
    """Make a first-order autoregression, AR(rho)."""

    def draw(rng: np.random.Generator, count: int) -> Numbers:
        values = lfilter([1.0], [1.0, -rho], innovations(rng, count + _SETTLING))[_SETTLING:]
        return np.asarray(values * np.sqrt(1 - rho**2))

    return draw


NOISES: dict[str, Noise] = {
    "normal": normal,
    "Student's t, 3 df": student_t3,
    "log-normal": log_normal,
    "normal, one outlier of 8 sd": one_outlier,
    "normal, 5 % spikes of 3 to 12 sd": spikes,
    "AR(-0.3)": autoregressive(-0.3),
    "AR(0.4)": autoregressive(0.4),
    "AR(0.4), t with 3 df": autoregressive(0.4, student_t3),
    "AR(0.6)": autoregressive(0.6),
    "AR(0.8)": autoregressive(0.8),
}


@dataclass(frozen=True, slots=True)
class Change:
    """The single change of level of a simulated series."""

    count: int
    """Values of the series."""
    at: int
    """Index of the first value of the new level."""
    size: float
    """Size in standard deviations of the noise."""


def shifted(noise: Noise, seed: tuple[int, ...], change: Change) -> Numbers:
    """Draw a series with a change of level."""
    values = noise(np.random.default_rng(seed), change.count)
    values[change.at :] += change.size
    return values
