"""Correlated requests, failures in bursts and skewed replicas, with an exactly known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal, stats

from perfgate.stats.table import Floats

Draw = Callable[[np.random.Generator, float], tuple[Floats, ...]]


def autocorrelated(servers: int, requests: int, time: float, quantile: float) -> Draw:
    """Draw latencies of a first-order autoregression with that integrated autocorrelation time, in requests.

    The share above 0 is `truth` times 1 - quantile.
    """
    step = (time - 1) / (time + 1)

    def draw(rng: np.random.Generator, truth: float) -> tuple[Floats, ...]:
        noise = rng.standard_normal((servers, requests))
        noise[:, 1:] *= np.sqrt(1 - step**2)
        level = float(stats.norm.isf(truth * (1 - quantile)))
        return tuple(np.asarray(signal.lfilter([1.0], [1.0, -step], noise, axis=1)) - level)

    return draw


def failing(servers: int, requests: int, burst: int, share: float) -> Draw:
    """Draw requests of which `truth` times that share fail, marked 1, `burst` in a row."""

    def draw(rng: np.random.Generator, truth: float) -> tuple[Floats, ...]:
        begins = rng.random((servers, requests + burst - 1)) < 1 - (1 - truth * share) ** (1 / burst)
        count = np.cumsum(np.pad(begins, ((0, 0), (1, 0))), axis=1)
        return tuple((count[:, burst:] > count[:, :-burst]).astype(np.float64))

    return draw


def skewed(servers: int, sigma: float) -> Draw:
    """Draw one lognormal value a server, of mean `truth`."""

    def draw(rng: np.random.Generator, truth: float) -> tuple[Floats, ...]:
        return (truth * rng.lognormal(-(sigma**2) / 2, sigma, servers),)

    return draw
