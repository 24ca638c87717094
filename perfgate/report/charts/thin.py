"""Fewer points with the same look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def min_max(x: Numbers, y: Numbers, limit: int) -> tuple[Numbers, Numbers]:
    """Keep at most `limit` points of a series in order of x: of each of limit / 2 runs its lowest and its highest."""
    if len(x) <= limit:
        return x, y
    runs = np.array_split(np.arange(len(x)), limit // 2)
    kept = np.unique([index for run in runs for index in (run[np.argmin(y[run])], run[np.argmax(y[run])])])
    return x[kept], y[kept]


def medians(x: Numbers, y: Numbers, runs: int) -> tuple[Numbers, Numbers]:
    """Summarise a series by the medians of consecutive runs of equal size: its course without its noise."""
    parts = [run for run in np.array_split(np.arange(len(x)), runs) if len(run)]
    return np.array([np.median(x[run]) for run in parts]), np.array([np.median(y[run]) for run in parts])
