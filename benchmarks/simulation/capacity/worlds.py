"""Servers whose capacity is known: queues, batches, curves and machines that change while they are measured."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from perfgate.capacity.reference_queue import responses_s
from perfgate.capacity.turn import Floats

Random = np.random.Generator
Serve = Callable[[Floats, float, float, Random], Floats]
"""From arrivals, the server's slowness (1 is normal), the rate and randomness: response times in seconds."""


STALL_EVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class World:
    """One kind of server on one kind of machine."""

    name: str
    serve: Serve
    bound_s: float
    """The objective: at most 1 % of the requests may take longer."""
    closed_loop_rps: float
    """About what a closed-loop turn would show; searches begin with a third more or less."""
    replica_sd: float = 0.01
    """Standard deviation of the servers' speed."""
    slow_share: float = 0.0
    """Share of servers that are a fifth slower."""
    drift: float = 0.0
    """How much slower the machine is at the end than at the beginning."""
    noise: float = 0.0
    """Standard deviation of the machine's speed over time."""
    memory_s: float = 3.0
    """How long the noise lasts: its correlation falls to 1/e."""
    service_s: float = 0.002
    """Median response time without load, from which the lengths of turns follow."""
    cv: float = 1.0
    """Coefficient of variation of the gaps between arrivals."""
    stall_s: float = 0.0
    """How long the machine stands still, once in each `STALL_EVERY_S`."""


def one_server(service_s: float) -> Serve:
    """M/D/1."""
    return lambda instants_s, slow, _rate, _rng: responses_s(instants_s, service_s * slow)


def servers(service_s: float, number: int) -> Serve:
    """M/M/c."""

    def serve(instants_s: Floats, slow: float, _: float, rng: Random) -> Floats:
        free_s = [0.0] * number
        found = np.empty(instants_s.size)
        times_s = rng.exponential(service_s * slow, instants_s.size).tolist()
        for row, (instant_s, time_s) in enumerate(zip(instants_s.tolist(), times_s, strict=True)):
            end_s = max(heapq.heappop(free_s), instant_s) + time_s
            heapq.heappush(free_s, end_s)
            found[row] = end_s - instant_s
        return found

    return serve


def batches(most: int, timeout_s: float, fixed_s: float, each_s: float) -> Serve:
    """One thread that executes batches: full, or after a time-out."""

    def serve(instants_s: Floats, slow: float, _: float, __: Random) -> Floats:
        found, row, free_s, instants = np.empty(instants_s.size), 0, 0.0, instants_s.tolist()
        while row < len(instants):
            full_s = instants[row + most - 1] if row + most <= len(instants) else np.inf
            begin_s = max(free_s, min(full_s, instants[row] + timeout_s))
            end = row
            while end < min(row + most, len(instants)) and instants[end] <= begin_s:
                end += 1
            free_s = begin_s + (fixed_s + each_s * (end - row)) * slow
            found[row:end] = free_s - instants_s[row:end]
            row = end
        return found

    return serve


def rising(instants_s: Floats, slow: float, rate_rps: float, rng: Random) -> Floats:
    """Response times that rise slowly with the rate, without a queue."""
    return (0.004 + 0.00001 * rate_rps * slow) * np.exp(rng.normal(0, 0.4, instants_s.size))


def cliff(instants_s: Floats, slow: float, rate_rps: float, rng: Random) -> Floats:
    """Answer with a tenth of a percent slow below an edge, 30 % above; the edge moves by 2 % from turn to turn."""
    share = 0.001 if rate_rps * slow * exp(rng.normal(0, 0.02)) < 420 else 0.3
    return np.where(rng.random(instants_s.size) < share, 0.05, 0.005)


def hysteresis(instants_s: Floats, slow: float, _: float, __: Random) -> Floats:
    """Serve a queue that is 15 % slower, once it is long, until it is empty."""
    found, free_s, tired = np.empty(instants_s.size), 0.0, False
    for row, instant_s in enumerate(instants_s.tolist()):
        if free_s <= instant_s:
            free_s, tired = instant_s, False
        tired = tired or free_s - instant_s > 0.012
        free_s += 0.002 * slow * (1.15 if tired else 1.0)
        found[row] = free_s - instant_s
    return found


def slow_payload(instants_s: Floats, slow: float, _: float, __: Random) -> Floats:
    """One request of sixteen takes three times as long."""
    service_s = np.where(np.arange(instants_s.size) % 16 == 3, 0.006, 0.002) * slow
    served_s = np.cumsum(service_s)
    return np.maximum.accumulate(instants_s - (served_s - service_s)) + served_s - instants_s


def gamma(mean_s: float, shape: float) -> Serve:
    """One server whose service times are spread."""

    def serve(instants_s: Floats, slow: float, _: float, rng: Random) -> Floats:
        service_s = rng.gamma(shape, mean_s * slow / shape, instants_s.size)
        served_s = np.cumsum(service_s)
        return np.maximum.accumulate(instants_s - (served_s - service_s)) + served_s - instants_s

    return serve


MD1 = World("M/D/1", one_server(0.002), 0.020, 400)
WORLDS = (
    MD1,
    World("M/M/2", servers(0.005, 2), 0.040, 400, service_s=0.0035),
    World("M/G/1", gamma(0.002, 4), 0.025, 400),
    World("batches with a time-out", batches(16, 0.005, 0.004, 0.0005), 0.040, 1200, service_s=0.0095),
    World("linear curve", rising, 0.020, 300, service_s=0.005),
    World("cliff", cliff, 0.020, 300, service_s=0.005),
    World("hysteresis", hysteresis, 0.020, 400),
    World("drift of 8 %", one_server(0.002), 0.020, 400, drift=0.08),
    World("noise of 3 %, 3 s long", one_server(0.002), 0.020, 400, noise=0.03, memory_s=3),
    World("one payload of 16 slow", slow_payload, 0.040, 400),
    World("bursts (cv 2)", one_server(0.002), 0.040, 400, cv=2.0),
    World("slow model (30 ms)", gamma(0.03, 16), 0.200, 25, service_s=0.03),
)
BEYOND = (
    World("noise of 3 %, 10 s long", one_server(0.002), 0.020, 400, noise=0.03, memory_s=10),
    World("noise of 5 %, 30 s long", one_server(0.002), 0.020, 400, noise=0.05, memory_s=30),
    World("one server in ten slow", one_server(0.002), 0.020, 400, slow_share=0.1),
    World("loose objective (50 services)", one_server(0.002), 0.100, 450),
    World("stalls of 0.1 s, each 20 s", one_server(0.002), 0.020, 400, stall_s=0.1),
)
"""What the intervals do not cover, with figures."""


class Machine:
    """A machine whose speed changes over time, for all that runs on it; servers of their own speed."""

    def __init__(self, world: World, rng: Random, seconds: float) -> None:
        self._world, self._rng, self._seconds = world, rng, seconds
        self._servers: dict[tuple[int, ...], float] = {}
        self._noise, self._at_s = rng.normal(0, world.noise) if world.noise else 0.0, 0.0
        self._stall_phase_s = rng.uniform(0, STALL_EVERY_S) if world.stall_s else 0.0

    def serve(  # noqa: PLR0913, PLR0917 - what a turn is made of
        self, instants_s: Floats, server: int, at_s: float, rate_rps: float, slow: float = 1.0, arm: int = 0
    ) -> Floats:
        """Answer one turn's requests, in seconds; `slow`: how much longer this arm's version takes."""
        slow *= self._server(arm, server) * self._speed(at_s)
        if not self._world.stall_s:
            return self._world.serve(instants_s, slow, rate_rps, self._rng)
        seen_s = self._seen_s(instants_s + at_s) - at_s
        return self._world.serve(seen_s, slow, rate_rps, self._rng) + seen_s - instants_s

    def _seen_s(self, instants_s: Floats) -> Floats:
        """Return when requests are seen: those that come during a stall, at its end."""
        since_s = (instants_s + self._stall_phase_s) % STALL_EVERY_S
        return instants_s + np.clip(self._world.stall_s - since_s, 0.0, None)

    def _server(self, *number: int) -> float:
        if number not in self._servers:
            slow = 1.2 if self._rng.random() < self._world.slow_share else 1.0
            self._servers[number] = slow * exp(self._rng.normal(0, self._world.replica_sd))
        return self._servers[number]

    def _speed(self, at_s: float) -> float:
        world, passed_s = self._world, max(at_s - self._at_s, 0.0)
        if world.noise:
            kept = exp(-passed_s / world.memory_s)
            self._noise = kept * self._noise + self._rng.normal(0, world.noise) * sqrt(1 - kept**2)
        self._at_s = at_s
        return (1 + world.drift * min(at_s / self._seconds, 1.0)) * exp(self._noise)
