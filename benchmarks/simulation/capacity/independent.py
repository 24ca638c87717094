"""`python -m benchmarks.simulation.capacity.independent`: a second simulation, event by event, with simpy.

It shares no code with the first one. Arrivals, servers and turns are made here; the true capacities come from formulas,
or from recursions written for this file. Only the search and the estimate are perfgate's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from math import exp, expm1, floor, log
from typing import Any

import click
import numpy as np
import simpy
from numpy.typing import NDArray
from scipy import optimize, special, stats

from perfgate.capacity.answer import Bound
from perfgate.capacity.estimate import estimate, spread_of
from perfgate.capacity.lengths import Lengths, lengths_of
from perfgate.capacity.reference_queue import ReferenceQueue
from perfgate.capacity.search import Search, Searched, above_low_load
from perfgate.capacity.settings import servers_for
from perfgate.capacity.turn import Turn
from perfgate.trials import Arm

Floats = NDArray[np.float64]
Events = Generator[simpy.Event, Any, None]
SECONDS, ALLOWED, SPEED_SD = 150.0, 0.01, 0.01
_TRUTH_REQUESTS, _TRUTH_SERVERS = 12_000_000, 400


@dataclass(frozen=True)
class Kind:
    """A kind of server: how simpy serves one turn, and the share of requests beyond the bound at a rate."""

    name: str
    bound_s: float
    guess_rps: float
    unloaded_s: float
    serve: Callable[[Floats, float, np.random.Generator], Floats]
    share: Callable[[float], float]
    """Of servers whose speeds are spread like those of the simulation."""

    @property
    def lengths(self) -> Lengths:
        """Lengths of a turn, by perfgate's rule."""
        bound = Bound("latency_p99_ms", ALLOWED, 1e3 * self.bound_s)
        return lengths_of((bound,), 1e3 * self.unloaded_s, self.guess_rps, SECONDS, 1)


def resource(services_s: Callable[[int, np.random.Generator], Floats], number: int) -> Callable[..., Floats]:
    """Serve first come, first served, with some threads: a simpy resource."""

    def serve(instants_s: Floats, slow: float, rng: np.random.Generator) -> Floats:
        env, found = simpy.Environment(), np.empty(instants_s.size)
        threads, needs_s = simpy.Resource(env, number), services_s(instants_s.size, rng) * slow

        def request(row: int) -> Events:
            begin_s = env.now
            with threads.request() as turn:
                yield turn
                yield env.timeout(needs_s[row])
            found[row] = env.now - begin_s

        def source() -> Events:
            for row, instant_s in enumerate(instants_s.tolist()):
                yield env.timeout(max(instant_s - env.now, 0.0))
                env.process(request(row))

        env.process(source())
        env.run()
        return found

    return serve


def batcher(most: int, timeout_s: float, fixed_s: float, each_s: float) -> Callable[..., Floats]:
    """Serve batches: a thread that waits until one is full, or its oldest request has waited long enough."""

    def serve(instants_s: Floats, slow: float, _: np.random.Generator) -> Floats:
        env, found, waiting = simpy.Environment(), np.empty(instants_s.size), list[int]()
        came = [env.event()]

        def source() -> Events:
            for row, instant_s in enumerate(instants_s.tolist()):
                yield env.timeout(max(instant_s - env.now, 0.0))
                waiting.append(row)
                came[0].succeed()
                came[0] = env.event()

        def thread() -> Events:
            served = 0
            while served < instants_s.size:
                while not waiting:
                    yield came[0]
                left_s = instants_s[waiting[0]] + timeout_s - env.now
                if len(waiting) < most and left_s > 1e-9:
                    yield came[0] | env.timeout(left_s)
                    continue
                batch, waiting[:] = waiting[:most], waiting[most:]
                yield env.timeout((fixed_s + each_s * len(batch)) * slow)
                found[batch] = env.now - instants_s[batch]
                served += len(batch)

        env.process(source())
        env.process(thread())
        env.run()
        return found

    return serve


def erlang_d(rate_rps: float, service_s: float, bound_s: float) -> float:
    """Return the share of an M/D/1 queue's response times beyond a bound (Erlang 1909; Tijms 2003, section 9.6.2)."""
    load, wait = rate_rps * service_s, bound_s / service_s - 1
    terms = [(load * (k - wait)) ** k / special.factorial(k) * exp(load * (wait - k)) for k in range(floor(wait) + 1)]
    return 1.0 if load >= 1 else 1 - (1 - load) * sum(terms)


def erlang_c(rate_rps: float, service_s: float, bound_s: float, number: int = 2) -> float:
    """Return the share of an M/M/c queue's response times beyond a bound (Gross & Harris, section 2.3)."""
    offered = rate_rps * service_s
    if offered >= number:
        return 1.0
    busy = offered**number / special.factorial(number) / (1 - offered / number)
    waits = busy / (sum(offered**k / special.factorial(k) for k in range(number)) + busy)
    spare = number - offered
    # A sum of two exponential times, service and wait, of rates 1 and `spare` in units of the service time.
    at = bound_s / service_s
    both = (spare * exp(-at) - exp(-spare * at)) / (spare - 1)
    return (1 - waits) * exp(-at) + waits * both


def over_servers(share: Callable[[float, float, float], float], service_s: float, bound_s: float) -> Any:  # noqa: ANN401
    """Average a share over the speeds of servers: Gauss-Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    slow = np.exp(SPEED_SD * nodes)
    return lambda rate: float(
        sum(w * share(rate, service_s * s, bound_s) for w, s in zip(weights, slow, strict=True)) / weights.sum()
    )


def by_running(respond: Callable[[list[float], float], Any], bound_s: float) -> Callable[[float], float]:
    """Average over long runs of many servers, always with the same random numbers."""

    def share(rate_rps: float) -> float:
        rng, missed, count = np.random.default_rng(5), 0, 0
        for _ in range(_TRUTH_SERVERS):
            slow = exp(rng.normal(0, SPEED_SD))
            instants_s = np.cumsum(rng.exponential(1 / rate_rps, _TRUTH_REQUESTS // _TRUTH_SERVERS))
            settled = np.array(respond(instants_s.tolist(), slow))[500:]
            missed, count = missed + int((settled > bound_s).sum()), count + settled.size
        return missed / count

    return share


def run_payload(instants_s: list[float], slow: float) -> list[float]:
    """One request of sixteen takes three times as long."""
    free_s, found = 0.0, []
    for row, instant_s in enumerate(instants_s):
        free_s = max(free_s, instant_s) + (0.006 if row % 16 == 3 else 0.002) * slow
        found.append(free_s - instant_s)
    return found


def run_batches(instants_s: list[float], slow: float) -> list[float]:
    """Batches of at most 8, of requests that wait at most 10 ms for others."""
    free_s, first, found = 0.0, 0, list[float]()
    while first < len(instants_s):
        begin_s = instants_s[first] + 0.010
        if first + 8 <= len(instants_s):
            begin_s = min(begin_s, instants_s[first + 7])
        begin_s, end = max(begin_s, free_s), first + 1
        while end < len(instants_s) and end < first + 8 and instants_s[end] <= begin_s:
            end += 1
        free_s = begin_s + (0.008 + 0.001 * (end - first)) * slow
        found += [free_s - instants_s[row] for row in range(first, end)]
        first = end
    return found


def _payload(size: int, _: np.random.Generator) -> Floats:
    return np.where(np.arange(size) % 16 == 3, 0.006, 0.002)


KINDS = (
    Kind("M/D/1", 0.02, 400, 0.002, resource(lambda n, _: np.full(n, 0.002), 1), over_servers(erlang_d, 0.002, 0.02)),
    Kind(
        "M/M/2",
        0.04,
        300,
        0.0035,
        resource(lambda n, r: r.exponential(0.005, n), 2),
        over_servers(erlang_c, 0.005, 0.04),
    ),
    Kind("batches with a time-out", 0.05, 400, 0.019, batcher(8, 0.010, 0.008, 0.001), by_running(run_batches, 0.05)),
    Kind("one payload of 16 slow", 0.04, 380, 0.002, resource(_payload, 1), by_running(run_payload, 0.04)),
)


def truth(kind: Kind) -> float:
    """Return the logarithm of the rate at which the share beyond the bound is what is allowed."""
    off = lambda log_rate: log(max(kind.share(exp(log_rate)), 1e-9) / ALLOWED)  # noqa: E731
    return float(optimize.brentq(off, log(kind.guess_rps) - 0.5, log(kind.guess_rps) + 0.5, xtol=2e-4))


def arrivals(rate_rps: float, length_s: float, rng: np.random.Generator) -> Floats:
    """Draw a Poisson process: a Poisson number of uniform instants."""
    return np.sort(rng.uniform(0, length_s, rng.poisson(rate_rps * length_s)))


def _drawn(length_s: float, rate_rps: float, rng: np.random.Generator) -> Floats:
    return arrivals(rate_rps, length_s, rng)


def search(kind: Kind, queue: ReferenceQueue, seed: int) -> tuple[float, float, float]:
    """Search once; return estimate and 95 % interval."""
    rng, speeds, length_s = np.random.default_rng((99, seed)), dict[int, float](), kind.lengths.whole_s
    bound, pairs = Bound("latency_p99_ms", ALLOWED), servers_for(SECONDS / length_s)
    guess_rps = kind.guess_rps * exp(rng.uniform(-0.4, 0.4))
    planner = Search(Searched((Arm.CANDIDATE,), (bound,), pairs, guess_rps, {0: queue}), rng)
    for ask in planner.asks(lambda: len(planner.turns) * length_s / SECONDS):
        instants_s = arrivals(ask.rate_rps, length_s, rng)
        slow = speeds.setdefault(ask.pair, exp(rng.normal(0, SPEED_SD)))
        response_ms = 1e3 * kind.serve(instants_s, slow, rng)[instants_s >= kind.lengths.lead_in_s]
        missed = int((response_ms > 1e3 * kind.bound_s).sum())
        planner.tell(
            Turn(Arm.CANDIDATE, ask.pair, ask.number, ask.stage, ask.rate_rps, instants_s, response_ms, (missed,))
        )
    start_rps = planner.start_rps(Arm.CANDIDATE)
    turns = above_low_load(planner.turns, (bound,), start_rps)
    found = spread_of(estimate(turns, (bound,), {0: queue}, start_rps))
    return found.value, *found.ends(0.95)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=100, show_default=True)
def main(names: tuple[str, ...], searches: int) -> None:
    """Print coverage and error of each kind of server whose name contains one of NAMES."""
    print("| world | truth, requests/s | covers % | half-width % | bias % |\n|---|---|---|---|---|", flush=True)
    for kind in KINDS:
        if names and not any(name in kind.name for name in names):
            continue
        true = truth(kind)
        draw = partial(_drawn, kind.lengths.whole_s)
        queue = ReferenceQueue(kind.bound_s, kind.lengths.lead_in_s, draw, 3, 2_000_000)
        found = np.array([search(kind, queue, seed) for seed in range(searches)])
        hits = int(((found[:, 1] <= true) & (true <= found[:, 2])).sum())
        low, high = stats.binomtest(hits, searches).proportion_ci()
        print(
            f"| {kind.name} | {exp(true):.1f} | {100 * hits / searches:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
            f" | {100 * expm1(float(np.median(found[:, 2] - found[:, 1])) / 2):.1f}"
            f" | {100 * float(np.median(found[:, 0] - true)):+.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
