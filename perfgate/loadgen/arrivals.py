"""Arrival times of requests, drawn before the first one is sent; seconds since the turn began."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from perfgate.scenario.schema import Load

Floats = NDArray[np.float64]


def schedule(load: Load, duration_s: float, rng: np.random.Generator, trace_s: Sequence[float] = ()) -> Floats:
    """Draw one turn's arrivals for the scenario; `trace_s` are the arrivals of its trace."""
    if load.arrivals == "trace":
        return replay(trace_s, duration_s)
    if load.arrivals == "ramp":
        return ramp(load.from_rps or 0.0, load.to_rps or 0.0, duration_s, rng)
    if load.arrivals == "steps":
        return steps(load.steps_rps or (), duration_s, rng)
    if load.rate_rps is None:
        raise ValueError("a closed loop has no schedule")
    if load.arrivals == "gamma":
        return gamma(load.rate_rps, load.cv or 1.0, duration_s, rng)
    return (
        constant(load.rate_rps, duration_s) if load.arrivals == "constant" else poisson(load.rate_rps, duration_s, rng)
    )


def mean_rate_rps(load: Load, duration_s: float, trace_s: Sequence[float] = ()) -> float | None:
    """Return the mean number of requests a second that `schedule` draws; None for a closed loop."""
    if load.arrivals == "trace":
        return replay(trace_s, duration_s).size / duration_s
    if load.arrivals == "ramp":
        return ((load.from_rps or 0.0) + (load.to_rps or 0.0)) / 2
    if load.arrivals == "steps":
        return float(np.mean(load.steps_rps or (0.0,)))
    return load.rate_rps


def constant(rate_rps: float, duration_s: float) -> Floats:
    """Space requests evenly from 0; none at or after the duration."""
    instants = np.arange(np.ceil(rate_rps * duration_s)) / rate_rps
    return instants[instants < duration_s]


def poisson(rate_rps: float, duration_s: float, rng: np.random.Generator) -> Floats:
    """Draw the arrivals of many independent users: exponential gaps, up to the duration."""
    return _renewals(rate_rps, duration_s, 0.0, lambda size: rng.exponential(1 / rate_rps, size))


def gamma(rate_rps: float, cv: float, duration_s: float, rng: np.random.Generator) -> Floats:
    """Draw arrivals with gamma gaps of mean 1 / rate and coefficient of variation `cv`; above 1 they come in bursts.

    The first arrival is that of a process which began long ago: after a uniform part of a gap, where long gaps are more
    likely (Cox, Renewal Theory, 1962: the equilibrium process), so that the rate is the same at all times. With a whole
    first gap, as if there were an arrival at 0, each turn would have (cv² - 1) / 2 more requests.
    """
    shape, scale_s = cv**-2, cv**2 / rate_rps
    first_s = rng.uniform() * rng.gamma(shape + 1, scale_s)
    later = _renewals(rate_rps, duration_s - first_s, cv, lambda size: rng.gamma(shape, scale_s, size))
    instants = first_s + np.concatenate([[0.0], later])
    return instants[instants < duration_s]


def _renewals(rate_rps: float, duration_s: float, cv: float, gaps: Callable[[int], Floats]) -> Floats:
    """Accumulate independent gaps up to the duration."""
    instants = np.empty(0)
    expected = rate_rps * max(duration_s, 0.0)
    # Six standard deviations more than expected, so that one draw nearly always suffices.
    size = int(expected + 6 * max(cv, 1.0) * np.sqrt(expected)) + 8
    while not instants.size or instants[-1] < duration_s:
        began_s = instants[-1] if instants.size else 0.0
        instants = np.concatenate([instants, began_s + np.cumsum(gaps(size))])
    return instants[instants < duration_s]


def ramp(from_rps: float, to_rps: float, duration_s: float, rng: np.random.Generator) -> Floats:
    """Draw Poisson arrivals whose rate changes linearly from one value to another."""
    slope = (to_rps - from_rps) / duration_s

    def inverse(expected: Floats) -> Floats:  # of from t + slope t²/2, in a form without cancellation
        root = np.sqrt(np.maximum(from_rps**2 + 2 * slope * expected, 0.0))
        return np.asarray(2 * expected / np.maximum(from_rps + root, np.finfo(float).tiny), np.float64)

    return _time_changed(inverse, (from_rps + to_rps) / 2 * duration_s, duration_s, rng)


def steps(rates_rps: Sequence[float], duration_s: float, rng: np.random.Generator) -> Floats:
    """Draw Poisson arrivals with one of the rates in each of equal parts of the duration."""
    ends_s = np.linspace(0.0, duration_s, len(rates_rps) + 1)
    expected_at = np.concatenate([[0.0], np.cumsum(np.multiply(rates_rps, duration_s / len(rates_rps)))])
    return _time_changed(
        lambda expected: np.interp(expected, expected_at, ends_s), float(expected_at[-1]), duration_s, rng
    )


def _time_changed(
    inverse: Callable[[Floats], Floats], expected: float, duration_s: float, rng: np.random.Generator
) -> Floats:
    """Draw a Poisson process of varying rate: one of rate 1 in units of expected arrivals, mapped back to seconds.

    Çinlar, Introduction to Stochastic Processes, 1975, chapter 4; Lewis & Shedler (Naval Research Logistics Quarterly
    26, 1979, 403) compare it with thinning, which needs no inverse but more draws.
    """
    instants = inverse(poisson(1.0, expected, rng)) if expected > 0 else np.empty(0)
    return instants[instants < duration_s]


def replay(trace_s: Sequence[float], duration_s: float) -> Floats:
    """Cut a trace, which begins at 0, at the duration."""
    instants = np.array(trace_s, np.float64)
    return instants[instants < duration_s]


def length_s(trace_s: Sequence[float]) -> float:
    """Return the length of a trace: its last arrival plus one mean gap, so that count over length is its rate."""
    return trace_s[-1] * len(trace_s) / (len(trace_s) - 1)


def digest(instants_s: Floats) -> str:
    """Name a schedule by its content: `sha256:…` over the instants as little-endian float64."""
    return "sha256:" + hashlib.sha256(instants_s.astype("<f8").tobytes()).hexdigest()
