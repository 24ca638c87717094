"""Changes of a series' level: a segmentation in which every change is significant despite noise and drift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from ruptures.detection import KernelCPD
from scipy.ndimage import median_filter
from scipy.special import ndtri, stdtr, stdtrit

Numbers = NDArray[np.float64]

FEWEST = 20
"""Fewest values for change points: with fewer, chance and change look alike."""
SHORTEST = 5
"""Fewest values of a segment: fewer are an outlier, or too recent to judge."""
ALPHA = 0.01
"""Error level of one change, over all places where it could have been."""
CONFIDENCE = 0.95
_MOST_CHANGES = 20
_WINDOW, _CLIP = 7, 3.0
_HIGHEST_RHO = 0.85
"""Above this autocorrelation a series has hardly any independent values, and levels mean nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of level, on the scale of the series."""

    index: int
    """First value of the new level."""
    size: float
    """New level minus old level."""
    lower: float
    upper: float
    """Interval of the step at `CONFIDENCE`."""


@dataclass(frozen=True, slots=True)
class StepFit:
    """A series as levels with steps between them."""

    steps: tuple[Step, ...]
    levels: tuple[float, ...]
    """One more than steps: means of the values with isolated outliers clipped."""


def find_levels(values: Numbers) -> StepFit:
    """Split a series of finite values, in order of time, where its level changed; no steps below `FEWEST` values.

    Of the least-squares segmentations with 20, 19, ... changes (Truong, Oudre & Vayatis, Signal Processing 167, 2020,
    107299), the first in which every change is significant between its two neighbours.
    docs/explanation/change-points.md has the error rates.
    """
    clipped = clip_outliers(values)
    for bounds in segmentations(clipped):
        rho = autocorrelation(clipped, bounds)
        neighbours = tuple(zip(bounds, bounds[1:], bounds[2:], strict=False))
        if all(significance(values[a:c], b - a, rho) <= ALPHA for a, b, c in neighbours):
            steps = tuple(_step(clipped, place, rho) for place in neighbours)
            return StepFit(steps, tuple(float(np.mean(clipped[a:b])) for a, b in pairwise(bounds)))
    return StepFit((), (float(np.mean(clipped)),) if len(clipped) else ())


def clip_outliers(values: Numbers) -> Numbers:
    """Clip values that are more than 3 robust standard deviations from a running median of 7.

    Hampel's identifier (J. Am. Stat. Assoc. 69, 1974, 383). A lasting change of level is unaffected.
    """
    if len(values) < _WINDOW:
        return values
    from scipy import stats  # noqa: PLC0415 - takes a second to import, and few commands need it

    course = median_filter(values, size=_WINDOW, mode="mirror")
    spread = _CLIP * float(stats.median_abs_deviation(values - course, scale="normal"))
    # If more than half of the values are equal, the spread of the rest is unknown.
    return course + np.clip(values - course, -spread, spread) if spread > 0 else values


def autocorrelation(values: Numbers, bounds: Sequence[int]) -> float:
    """Estimate the lag-1 autocorrelation about the levels between `bounds`, from 0 to 0.85.

    Each fitted level lowers the estimate by about (1 + 3 rho) / n (Kendall, Biometrika 41, 1954, 403), which is
    corrected.
    """
    starts, lengths = np.asarray(bounds[:-1]), np.diff(bounds)
    residuals = values - np.repeat(np.add.reduceat(values, starts) / lengths, lengths)
    if (total := float(residuals @ residuals)) <= 0:
        return 0.0
    products = residuals[1:] * residuals[:-1]
    products[starts[1:] - 1] = 0.0  # of two levels
    rho = float(np.sum(products)) / total
    return float(np.clip(rho + len(lengths) * (1 + 3 * rho) / len(values), 0.0, _HIGHEST_RHO))


def significance(values: Numbers, at: int, rho: float) -> float:
    """Test a change at index `at` of the values against all other possible places; returns p, which may exceed 1.

    A t-test on the normal scores of the ranks (van der Waerden), which is robust to outliers and skewness, with
    Bonferroni's correction for the places.
    """
    from scipy import stats  # noqa: PLC0415 - takes a second to import, and few commands need it

    scores = ndtri((stats.rankdata(values) - 0.5) / len(values))
    size, error, df = _difference(scores[:at], scores[at:], rho)
    if error <= 0:
        return 0.0 if size else float(len(values))
    return float(2 * stdtr(df, -abs(size) / error)) * len(values)


def segmentations(values: Numbers) -> Iterator[tuple[int, ...]]:
    """Return the best segmentation for each number of changes, the most changes first, including both ends."""
    if len(values) < FEWEST or np.ptp(values) <= 0:
        return
    search = KernelCPD(kernel="linear", min_size=SHORTEST).fit(values[:, None])
    most = min(len(values) // SHORTEST - 1, _MOST_CHANGES)
    for changes in range(most, 0, -1):
        yield (0, *(int(each) for each in search.predict(n_bkps=changes)))


def _step(values: Numbers, place: tuple[int, int, int], rho: float) -> Step:
    begin, at, end = place
    size, error, df = _difference(values[begin:at], values[at:end], rho)
    half = float(stdtrit(df, (1 + CONFIDENCE) / 2)) * error
    return Step(at, size, size - half, size + half)


def _difference(before: Numbers, after: Numbers, rho: float) -> tuple[float, float, float]:
    """Compare two means of values with lag-1 autocorrelation: difference, standard error, degrees of freedom."""
    shares = [_mean_variance(len(each), rho) for each in (before, after)]
    squares = sum(float(np.sum((each - np.mean(each)) ** 2)) for each in (before, after))
    # Squares about a mean fitted to dependent values are too small by the variance of that mean.
    values = sum(len(each) * (1 - share) for each, share in zip((before, after), shares, strict=True))
    # Bayley & Hammersley, J. R. Stat. Soc. Suppl. 8, 1946, 184: the number of independent ones for a variance.
    df = max(values * (1 - rho**2) / (1 + rho**2), 1.0)
    return float(np.mean(after) - np.mean(before)), float(np.sqrt(squares / values * sum(shares))), df


def _mean_variance(count: int, rho: float) -> float:
    """Return the variance of the mean of n values of a first-order autoregression with unit variance."""
    return ((1 + rho) / (1 - rho) - 2 * rho * (1 - rho**count) / (count * (1 - rho) ** 2)) / count
