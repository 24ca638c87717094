"""`python -m benchmarks.simulation.capacity.others`: the same servers, searched as other tools search them.

Bisection on one verdict for each rate: MLPerf LoadGen's FindPeakPerformanceMode and nighthawk's
ExponentialSearchStepController raise the rate until it breaks and then halve the gap; each rate is run once.
Bisection on settled windows: Triton's perf_analyzer (`--binary-search`) repeats windows of 5 s
(`--measurement-interval`) until, of latency and throughput, the ratio of the largest to the smallest of the last three
is within 10 % (`--stability-percentage`), at most ten times (`--max-trials`). Written from their descriptions; no code
of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import exp, expm1, log

import click
import numpy as np

from benchmarks.simulation.capacity.runs import arrivals, lengths, search, truth
from benchmarks.simulation.capacity.worlds import WORLDS, Machine, World
from perfgate.capacity.turn import Floats
from perfgate.pipeline.rate_search import SECONDS

STEPS = 8
"""Rates of the first rule, all of the same length; the gap is then 1 to 2 %."""
WINDOW_S, WINDOWS, WITHIN, TRIALS = 5.0, 3, 0.1, 10


class Server:
    """One running server, whose time is counted; other tools do not start it again."""

    def __init__(self, world: World, seed: int) -> None:
        self._rng = np.random.default_rng((seed, 21))
        self._world, self.used_s = world, 0.0
        self._machine = Machine(world, np.random.default_rng((seed, 22)), SECONDS[1])
        self.guess_rps = world.closed_loop_rps * exp(self._rng.normal(0, 0.3))

    def respond(self, rate_rps: float, seconds: float) -> Floats:
        """Return the response times of a while, without the start that perfgate leaves out."""
        lead_in_s = lengths(self._world).lead_in_s
        instants_s = arrivals(self._world, rate_rps, seconds, self._rng)
        found = self._machine.serve(instants_s, 0, self.used_s, rate_rps)
        self.used_s += seconds
        return found[instants_s >= lead_in_s]


def once(server: Server, bound_s: float, rate_rps: float) -> bool:
    """Judge a rate by one run's 99th percentile."""
    found = server.respond(rate_rps, SECONDS[1] / STEPS)
    return bool(np.quantile(found, 0.99) <= bound_s)


def settled(server: Server, bound_s: float, rate_rps: float) -> bool:
    """Judge a rate by three windows in a row that agree, or by the last three."""
    windows: list[Floats] = []
    for _ in range(TRIALS):
        windows.append(server.respond(rate_rps, WINDOW_S))
        if len(windows) >= WINDOWS and all(
            max(values) <= (1 + WITHIN) * min(values)
            for values in (
                [np.quantile(window, 0.99) for window in windows[-WINDOWS:]],
                [window.size for window in windows[-WINDOWS:]],
            )
        ):
            break
    return bool(np.quantile(np.concatenate(windows[-WINDOWS:]), 0.99) <= bound_s)


def bisect(world: World, judge: Callable[[Server, float, float], bool], seed: int) -> float:
    """Double or halve a guess until it is bracketed, then halve the gap until the time is up; return a logarithm."""
    server = Server(world, seed)
    rate = server.guess_rps / 2
    holds = judge(server, world.bound_s, rate)
    low = high = rate
    while server.used_s < SECONDS[1]:
        low, high = (high, high * 2) if holds else (low / 2, low)
        if judge(server, world.bound_s, high if holds else low) != holds:
            break
    low, high = log(low), log(high)
    while server.used_s < SECONDS[1]:
        middle = (low + high) / 2
        low, high = (middle, high) if judge(server, world.bound_s, exp(middle)) else (low, middle)
    return (low + high) / 2


def _ours(world: World, seed: int) -> float:
    return search(world, seed).capacities[0].value


RULES: dict[str, Callable[[World, int], float]] = {
    "perfgate": _ours,
    "one verdict for each rate": lambda world, seed: bisect(world, once, seed),
    "three windows within 10 %": lambda world, seed: bisect(world, settled, seed),
}


def _error(name: str, rule: str, seed: int) -> float:
    world = next(world for world in WORLDS if world.name == name)
    return RULES[rule](world, seed) - truth(world)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=200, show_default=True)
@click.option("--processes", default=2, show_default=True)
def main(names: tuple[str, ...], searches: int, processes: int) -> None:
    """Print the error of the capacity, for each world whose name contains one of NAMES."""
    head = ["world", *(f"{rule}: median [5th, 95th] of the error, %" for rule in RULES)]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    for world in WORLDS:
        if names and not any(name in world.name for name in names):
            continue
        truth(world)
        cells = []
        with ProcessPoolExecutor(processes) as pool:
            for rule in RULES:
                errors = list(pool.map(partial(_error, world.name, rule), range(searches), chunksize=10))
                low, middle, high = (100 * expm1(q) for q in np.quantile(errors, [0.05, 0.5, 0.95]))
                cells.append(f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]")
        print(f"| {world.name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
