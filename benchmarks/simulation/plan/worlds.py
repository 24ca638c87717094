"""Sketches on simulated machines: what a request takes at each value of a dimension, and what disturbs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from perfgate.gate.interim import NominalLevels
from perfgate.planning.answer import ObjectiveStatus
from perfgate.planning.evaluation import Evaluation, Ratio
from perfgate.stats.binomial import quantile_bounds
from perfgate.stats.clusters import certainty, tail_effect
from perfgate.stats.contrast import half_width

Floats = NDArray[np.float64]

LOW, HIGH = 256, 4096
RATE_RPS, SERVERS, LOAD_S, START_S = 300.0, 8, 10.0, 3.0
"""Of one measurement: rate, servers, time under load, and time to build and to start the servers."""
QUANTILE, ALPHA = 0.99, 0.01
_TRUE_REQUESTS = 2_000_000


@dataclass(frozen=True, slots=True)
class World:
    """One machine and one kind of sketch."""

    name: str
    service_ms: Callable[[float], float]
    """By the dimension's value."""
    bound: float
    """Of the 99th percentile in ms or, for memory, in MiB."""
    cv: float = 0.1
    """Of the service time."""
    server_sd: float = 0.01
    wander_sd: float = 0.0
    """Of the machine's speed, as a logarithm."""
    wander_s: float = 30.0
    """How long its speed stays much the same."""
    drift: float = 0.0
    """Growth of all times over a search, as a logarithm."""
    spikes: float = 0.0
    """Probability that something else takes half of the CPU during a whole measurement."""
    slow_servers: float = 0.0
    """Probability that a server is a tenth slower."""
    slow_payload: float = 1.0
    """How many times as long every 16th request takes."""
    memory: bool = False
    """Whether the objective is on memory, which is nearly the same in all servers."""


def _dense(value: float) -> float:
    return 0.25 + 0.75 * (value / 1024) * (value / 1024)


def _cliff(value: float) -> float:
    return 0.5 * float((value / 1024) ** 0.3) * (1.0 if value < 1100 else 2.6)


WORLDS = (
    World("dense stack", _dense, 6.0),
    World("dense stack, near the capacity", _dense, 30.0),
    World("linear", lambda v: 0.2 + 0.8 * v / 1024, 6.0),
    World("flat: time grows slowly", lambda v: 1.6 * (v / 1024) ** 0.25, 8.0),
    World("cliff (a cache is full)", _cliff, 3.2),
    World("random service times", _dense, 6.0, cv=1.0),
    World("machine wanders by 3 %", _dense, 6.0, wander_sd=0.03),
    World("machine wanders by 10 %", _dense, 6.0, wander_sd=0.10),
    World("machine drifts by 10 %", _dense, 6.0, drift=0.10),
    World("something else runs in 1 of 10", _dense, 6.0, spikes=0.1),
    World("one server in ten slow", _dense, 6.0, slow_servers=0.1),
    World("one payload of 16 slow", _dense, 6.0, slow_payload=3.0),
    World("memory", lambda v: 150 + v / 4, 500.0, memory=True),
)


def _responses_ms(world: World, service_ms: float, rng: np.random.Generator, seconds: float) -> Floats:
    """Send Poisson arrivals through one queue (Lindley's recursion)."""
    count = max(1, rng.poisson(RATE_RPS * seconds))
    gaps = rng.exponential(1e3 / RATE_RPS, count)
    times = service_ms * rng.gamma(1 / world.cv**2, world.cv**2, count)
    times[::16] *= world.slow_payload
    steps = np.concatenate([[0.0], times[:-1] - gaps[1:]])
    total = np.cumsum(steps)
    return np.asarray(total - np.minimum.accumulate(total) + times)


@cache
def true_value(name: str) -> float:
    """Return the value at which the objective is reached, on a machine of its usual speed."""
    world = next(each for each in WORLDS if each.name == name)
    low, high = float(LOW), float(HIGH)
    while high / low > 1.0005:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if _true_ratio(world, middle) <= 1 else (low, middle)
    return float((low * high) ** 0.5)


def _true_ratio(world: World, value: float) -> float:
    service = world.service_ms(value)
    if world.memory:
        return service / world.bound
    rng = np.random.default_rng(7)
    kinds = [(1 - world.slow_servers, 1.0), (world.slow_servers, 1.1)]
    found = [
        _responses_ms(world, service * slow, rng, _TRUE_REQUESTS * share / RATE_RPS) for share, slow in kinds if share
    ]
    return float(np.quantile(np.concatenate(found), QUANTILE)) / world.bound


@dataclass(slots=True)
class Machine:
    """A world under measurement; time passes with each of them."""

    world: World
    rng: np.random.Generator
    seconds: float
    """Time of the whole search."""
    now_s: float = 0.0
    speed: float = 0.0
    """Of the wandering machine, as a logarithm."""

    def measure(self, value: int) -> Evaluation:
        """Measure in fresh servers, judged by the gate's tests; what is clear early takes half of the time."""
        world, rng = self.world, self.rng
        slow = np.exp(self.speed + world.drift * self.now_s / self.seconds) * (
            1.5 if rng.random() < world.spikes else 1
        )
        service = world.service_ms(value)
        if world.memory:
            values = [service * np.exp(rng.normal(0, 0.003, SERVERS))]
            ratio = _memory(values[0], world.bound)
        else:
            each = slow * np.exp(rng.normal(0, world.server_sd, SERVERS))
            each *= np.where(rng.random(SERVERS) < world.slow_servers, 1.1, 1.0)
            series = [_responses_ms(world, service * one, rng, LOAD_S / SERVERS) for one in each]
            values = series
            ratio = _percentile(series, world.bound)
        clear = ratio.status is not ObjectiveStatus.OPEN and not 0.5 < ratio.value < 2
        self._pass(START_S + (LOAD_S / 2 if clear else LOAD_S))
        return Evaluation(value, {"latency_p99_ms": ratio}, evidence=values)

    def judge(self, measured: Sequence[Evaluation]) -> ObjectiveStatus:
        """Test several measurements as one."""
        values = [each for one in measured for each in one.evidence]
        if not values:
            return ObjectiveStatus.OPEN
        world = self.world
        return (
            _memory(np.concatenate(values), world.bound) if world.memory else _percentile(values, world.bound)
        ).status

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds
        kept = np.exp(-seconds / self.world.wander_s)
        self.speed = kept * self.speed + self.rng.normal(0, self.world.wander_sd * np.sqrt(1 - kept**2))


def machine_of(world: World, seed: int, seconds: float) -> Machine:
    """Return a machine at a random moment."""
    rng = np.random.default_rng(seed)
    return Machine(world, rng, seconds, speed=rng.normal(0, world.wander_sd) if world.wander_sd else 0.0)


def _percentile(series: list[Floats], bound: float) -> Ratio:
    """Judge as `perfgate.gate.objectives` does."""
    pooled = np.sort(np.concatenate(series))
    level = NominalLevels.of(ALPHA, 1).passing
    effect = tail_effect(series, pooled, bound) / certainty(len(series), level)
    found = quantile_bounds(pooled, QUANTILE, level, effect)
    return _ratio(found.value, found.lower, found.upper, bound)


def _memory(values: Floats, bound: float) -> Ratio:
    half = half_width(float(values.std(ddof=1)) / np.sqrt(values.size), values.size - 1, ALPHA)
    mean = float(values.mean())
    return _ratio(mean, mean - half, mean + half, bound)


def _ratio(value: float, lower: float, upper: float, bound: float) -> Ratio:
    status = (
        ObjectiveStatus.HOLDS if upper <= bound else ObjectiveStatus.BREAKS if lower > bound else ObjectiveStatus.OPEN
    )
    return Ratio(value / bound, max(lower, 0.0) / bound, upper / bound, status)
