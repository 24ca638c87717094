"""Worlds of the second simulation: queues event by event; where a percentile truly reaches its bound, by transforms.

Shares no code with the first simulation, nor with perfgate's statistics.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import exp, log, pi
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]
Transform = Callable[[complex], complex]
Paths = Callable[[np.random.Generator], Floats]

RATE_RPS, ALLOWED = 250.0, 0.01
LEAD_IN_S, TURN_S = 0.25, 1.0
"""Of each server's turn: requests that are not counted, then those that are."""
SERVER_SD = 0.01
_PATH_S = 400
_A, _TERMS, _EULER = 18.4, 40, 14


@dataclass(frozen=True, slots=True)
class Shape:
    """How services are spread around their mean: draws, and the transform of their density at a mean of one."""

    draw: Callable[[int, np.random.Generator], Floats]
    transform: Transform


def exponential() -> Shape:
    """Let every service take an exponential time."""
    return Shape(lambda size, rng: rng.exponential(1.0, size), lambda s: 1 / (1 + s))


def constant() -> Shape:
    """Let every service take the same time."""
    return Shape(lambda size, _: np.ones(size), lambda s: complex(np.exp(-s)))


def slow_payloads(share: float, times: float) -> Shape:
    """Make a share of the requests, at random, take several times as long as the others."""
    low = 1 / (1 - share + share * times)
    return Shape(
        lambda size, rng: np.where(rng.random(size) < share, low * times, low),
        lambda s: complex((1 - share) * np.exp(-s * low) + share * np.exp(-s * low * times)),
    )


@dataclass(frozen=True, slots=True)
class Queue:
    """A server of one thread, first come, first served, that a model of some width is loaded into."""

    bound_s: float
    service_s: Callable[[float], float]
    """Mean, by the dimension's value."""
    shape: Shape
    other_per_s: float = 0.0
    """Jobs of something else that wait in the same queue."""
    other_s: float = 0.0

    def responses(self, value: float, slow: float, rng: np.random.Generator) -> list[tuple[float, float]]:
        """Serve one turn, of an empty server; return instants and response times of the requests counted, in s."""
        env, waiting, found = simpy.Environment(), deque[tuple[float, float, bool]](), list[tuple[float, float]]()
        came, end_s = [env.event()], LEAD_IN_S + TURN_S
        mean_s = self.service_s(value) * slow

        def source(rate: float, is_request: bool) -> Generator[simpy.Event, Any, None]:  # noqa: FBT001
            most = int(rate * end_s * 2 + 40)
            needs_s = self.shape.draw(most, rng) * mean_s if is_request else np.full(most, self.other_s * slow)
            for gap_s, need_s in zip(rng.exponential(1 / rate, most).tolist(), needs_s.tolist(), strict=True):
                yield env.timeout(gap_s)
                if env.now >= end_s:
                    return
                waiting.append((env.now, need_s, is_request))
                if len(waiting) == 1 and not came[0].triggered:
                    came[0].succeed()

        def thread() -> Generator[simpy.Event, Any, None]:
            while True:
                if not waiting:
                    came[0] = env.event()
                    yield came[0]
                instant_s, need_s, is_request = waiting.popleft()
                yield env.timeout(need_s)
                if is_request and instant_s >= LEAD_IN_S:
                    found.append((instant_s - LEAD_IN_S, env.now - instant_s))

        env.process(thread())
        env.process(source(RATE_RPS, is_request=True))
        if self.other_per_s:
            env.process(source(self.other_per_s, is_request=False))
        env.run()
        return sorted(found)

    def share(self, value: float, slow: float) -> float:
        """Return the share of response times beyond the bound in equilibrium: Pollaczek and Khinchine's transform."""
        mean_s, other_s = self.service_s(value) * slow, self.other_s * slow
        rate = RATE_RPS + self.other_per_s
        load = RATE_RPS * mean_s + self.other_per_s * other_s
        if load >= 1:
            return 1.0

        def beyond(s: complex) -> complex:
            own = self.shape.transform(s * mean_s)
            jobs = (RATE_RPS * own + self.other_per_s * np.exp(-s * other_s)) / rate
            return complex((1 - (1 - load) * s / (s - rate * (1 - jobs)) * own) / s)

        return min(max(inverted(beyond, self.bound_s), 0.0), 1.0)


def inverted(transform: Transform, at: float) -> float:
    """Return a function's value from its Laplace transform: a Fourier series with Euler's sum (Abate & Whitt 1995)."""
    first = transform(complex(_A / (2 * at))).real / 2
    rows = np.arange(1, _TERMS + _EULER + 1)
    terms = [(-1) ** k * transform(complex(_A, 2 * pi * k) / (2 * at)).real for k in rows.tolist()]
    sums = exp(_A / 2) / at * (first + np.cumsum(terms))[_TERMS - 1 :]
    return float(np.average(sums, weights=special.binom(_EULER, np.arange(_EULER + 1))))


def exponential_share(mean_s: float, bound_s: float) -> float:
    """Return the share of an M/M/1 queue's response times beyond a bound; they are exponential themselves."""
    return exp(-max(1 / mean_s - RATE_RPS, 0.0) * bound_s)


def steady(_: np.random.Generator) -> Floats:
    """Return the slowness of each second of a search, on a machine whose speed stays."""
    return np.ones(_PATH_S)


def wandering(sd: float, kept: float) -> Paths:
    """Make a machine whose speed is an autoregression of first order, from second to second."""

    def path(rng: np.random.Generator) -> Floats:
        steps, found = rng.normal(0.0, 1.0, _PATH_S), [float(rng.normal(0.0, sd))]
        for step in steps[1:].tolist():
            found.append(kept * found[-1] + (1 - kept**2) ** 0.5 * sd * step)
        return np.exp(found)

    return path


def interrupted(every_s: float, length_s: int, times: float) -> Paths:
    """Make a machine that something else slows for some seconds now and then."""

    def path(rng: np.random.Generator) -> Floats:
        found, left = np.ones(_PATH_S), length_s if rng.random() < length_s / every_s else 0
        for second, begins in enumerate((rng.random(_PATH_S) < 1 / (every_s - length_s)).tolist()):
            if left:
                found[second], left = times, left - 1
            elif begins:
                left = length_s
        return found

    return path


def normal_mix(sd: float) -> list[tuple[float, float]]:
    """Return weights and slownesses of a log-normal speed: Gauss-Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    return list(zip((weights / weights.sum()).tolist(), np.exp(sd * nodes).tolist(), strict=True))


def crossing(share: Callable[[float, float], float], mix: list[tuple[float, float]], low: float, high: float) -> float:
    """Return the value at which the share beyond the bound, averaged over speeds, is what is allowed."""

    def off(log_value: float) -> float:
        found = sum(weight * share(exp(log_value), slow) for weight, slow in mix)
        return log(max(found, 1e-12) / ALLOWED)

    return exp(float(optimize.brentq(off, log(low), log(high), xtol=1e-5)))
