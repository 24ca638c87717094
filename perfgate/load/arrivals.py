"""Instants at which requests are due, drawn before the first one is sent."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def constant(rate_rps: float, duration_s: float) -> NDArray[np.float64]:
    """Space requests evenly from 0, in seconds; none at or after the duration."""
    instants = np.arange(np.ceil(rate_rps * duration_s)) / rate_rps
    return instants[instants < duration_s]


def poisson(rate_rps: float, duration_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the arrivals of many independent users, in seconds: exponential gaps, cut at the duration."""
    instants = np.empty(0)
    while not instants.size or instants[-1] < duration_s:
        # Six standard deviations more than expected: nearly always one draw.
        expected = rate_rps * duration_s
        gaps = rng.exponential(1 / rate_rps, size=int(expected + 6 * np.sqrt(expected)) + 8)
        instants = np.concatenate([instants, (instants[-1] if instants.size else 0.0) + np.cumsum(gaps)])
    return instants[instants < duration_s]


def digest(instants_s: NDArray[np.float64]) -> str:
    """Name a schedule by its content: `sha256:…` over the instants as little-endian float64."""
    return "sha256:" + hashlib.sha256(instants_s.astype("<f8").tobytes()).hexdigest()
