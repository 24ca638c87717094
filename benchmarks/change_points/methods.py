"""Methods for change points that were tried: indices of the first values of new levels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from ruptures.detection import KernelCPD
from scipy import stats

from perfgate.stats.change_points import (
    ALPHA,
    SHORTEST,
    autocorrelation,
    clip_outliers,
    find_levels,
    segmentations,
    significance,
)

Numbers = NDArray[np.float64]
Method = Callable[[Numbers], tuple[int, ...]]


def chosen(values: Numbers) -> tuple[int, ...]:
    """Find change points like `perfgate history`."""
    return tuple(step.index for step in find_levels(values).steps)


def pelt_rbf(values: Numbers) -> tuple[int, ...]:
    """PELT with a Gaussian kernel and penalty 10, the example in the manual of ruptures."""
    return _pelt("rbf", values, 10.0)


def pelt_bic(values: Numbers) -> tuple[int, ...]:
    """PELT with least squares and penalty 2 log n times the variance estimated from differences of neighbours."""
    return _pelt("linear", values, 2 * np.log(len(values)) * _variance(values))


def pelt_long_run(values: Numbers) -> tuple[int, ...]:
    """Use the long-run variance instead: (1 + rho) / (1 - rho) times as much, rho from differences."""
    rho = _rho_from_differences(values)
    variance = _variance(values) / (1 - rho) * (1 + rho) / (1 - rho)
    return _pelt("linear", values, 2 * np.log(len(values)) * variance)


def t_tests(values: Numbers) -> tuple[int, ...]:
    """Use the chosen method, with t-tests on the values instead of on normal scores, and without clipping."""
    return _holding(values, values, autocorrelation, _t_test)


def no_memory(values: Numbers) -> tuple[int, ...]:
    """Use the chosen method, treating values as independent."""
    return _holding(values, clip_outliers(values), lambda *_: 0.0, significance)


def differences(values: Numbers) -> tuple[int, ...]:
    """Use the chosen method, with rho from differences (Chakar et al., Bernoulli 23, 2017, 1408)."""
    return _holding(values, clip_outliers(values), lambda course, _: _rho_from_differences(course), significance)


METHODS: dict[str, Method] = {
    "PELT, Gaussian kernel, penalty 10": pelt_rbf,
    "PELT, least squares, penalty 2 σ² log n": pelt_bic,
    "the same, σ² the long-run variance": pelt_long_run,
    "confirmed by t-tests on the values": t_tests,
    "confirmed by normal scores, no autocorrelation": no_memory,
    "confirmed by normal scores, autocorrelation from differences": differences,
    "**chosen**: normal scores, autocorrelation about the levels": chosen,
}


def _pelt(kernel: str, values: Numbers, penalty: float) -> tuple[int, ...]:
    found = KernelCPD(kernel=kernel, min_size=SHORTEST).fit(values[:, None]).predict(pen=penalty)
    return tuple(int(each) for each in found[:-1])


def _holding(
    values: Numbers,
    course: Numbers,
    rho_of: Callable[[Numbers, tuple[int, ...]], float],
    test: Callable[[Numbers, int, float], float],
) -> tuple[int, ...]:
    for bounds in segmentations(course):
        rho = rho_of(course, bounds)
        neighbours = zip(bounds, bounds[1:], bounds[2:], strict=False)
        if all(test(values[a:c], b - a, rho) <= ALPHA for a, b, c in neighbours):
            return bounds[1:-1]
    return ()


def _t_test(values: Numbers, at: int, rho: float) -> float:
    shrunk = (1 + rho) / (1 - rho)
    before, after = values[:at], values[at:]
    squares = sum(float(np.sum((each - np.mean(each)) ** 2)) for each in (before, after))
    df = max((len(values) - 2) / shrunk, 1.0)
    error = np.sqrt(squares / (len(values) - 2) * shrunk * (1 / len(before) + 1 / len(after)))
    return float(2 * stats.t.sf(abs(np.mean(after) - np.mean(before)) / error, df)) * len(values)


def _variance(values: Numbers) -> float:
    return float(np.mean([(b - a) ** 2 for a, b in pairwise(values)])) / 2


def _rho_from_differences(values: Numbers) -> float:
    one, two = (np.median(np.abs(values[lag:] - values[:-lag])) ** 2 for lag in (1, 2))
    return float(np.clip(two / one - 1, 0.0, 0.85))
