"""Downsampling of series that keeps their look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def min_max(x: Numbers, y: Numbers, limit: int) -> tuple[Numbers, Numbers]:
    """Keep at most `limit` points of a series in order of x: the lowest and highest of each run, and every n-th.

    Extremes alone would draw two bands with nothing between them, a shape that the data does not have.
    """
    if len(x) <= limit:
        return x, y
    runs = np.array_split(np.arange(len(x)), max(limit // 8, 1))
    extremes = [index for run in runs for index in (run[np.argmin(y[run])], run[np.argmax(y[run])])]
    even = np.linspace(0, len(x) - 1, limit - len(extremes)).astype(int)
    kept = np.unique(np.concatenate([extremes, even]))
    return x[kept], y[kept]


def medians(x: Numbers, y: Numbers, runs: int) -> tuple[Numbers, Numbers]:
    """Summarise a series by the medians of consecutive runs of equal size: its course without its noise."""
    size, longer = divmod(len(x), runs)
    border = longer * (size + 1)  # the first runs have one value more, as numpy.array_split deals them
    return _median_of_runs(x, border, size), _median_of_runs(y, border, size)


def _median_of_runs(values: Numbers, border: int, size: int) -> Numbers:
    first = np.median(values[:border].reshape(-1, size + 1), axis=1)
    return np.concatenate([first, np.median(values[border:].reshape(-1, size), axis=1)]) if size else first
