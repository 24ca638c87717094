"""`python -m benchmarks.simulation.plan.independent`: a second simulation of `perfgate plan --scale`, with simpy.

It shares no code with the first one, nor with perfgate's statistics: servers, truth and the test of a percentile are
written anew. Only the search and the answer made of it are perfgate's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, exp, expm1, inf, log
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.simulation.plan.independent_worlds import (
    ALLOWED,
    SERVER_SD,
    TURN_S,
    Floats,
    Paths,
    Queue,
    constant,
    crossing,
    exponential,
    exponential_share,
    interrupted,
    normal_mix,
    slow_payloads,
    steady,
    wandering,
)
from perfgate.planning.answer import ObjectiveStatus, ScaleLimit
from perfgate.planning.evaluation import Evaluation, Ratio
from perfgate.planning.limit_search import LimitSearch, limit_of

SEARCH_S, MEASUREMENT_S = 160.0, 15.0
SERVERS, ROUNDS = 6, 2
LOW, HIGH = 100, 10_000
ALPHA, EARLY_ALPHA = 0.01, 0.001
"""One-sided levels: of a measurement, and of its first half, which ends it if that decides."""
_PARTS = 2
"""Clusters of a turn."""
_MEMORY_SD = 0.005


@dataclass(frozen=True, slots=True)
class World:
    """What is measured, on which machine, and the largest value that truly holds."""

    name: str
    truth: float
    measured: Queue | Callable[[float], float]
    """A queue, or the ratio of the memory to its bound."""
    path: Paths = steady


@dataclass(frozen=True, slots=True)
class Seen:
    """Response times of one measurement, and the cluster of each."""

    response_s: Floats
    cluster: NDArray[np.int64]


def excess(seen: Sequence[Seen], at_s: float) -> float:
    """Return how much more the misses of clusters vary than those of independent requests do, at least 1."""
    squares, expected, free = 0.0, 0.0, 0
    for each in seen:
        missed = np.bincount(each.cluster, each.response_s > at_s)
        sizes = np.bincount(each.cluster)
        share = missed.sum() / sizes.sum()
        squares += float(((missed - share * sizes) ** 2).sum())
        expected += float(share * (1 - share) * sizes.sum())
        free += sizes.size - 1
    clusters = free + len(seen)
    if not expected:
        return 1.0
    unsure = (stats.t.isf(ALPHA, free) / stats.norm.isf(ALPHA)) ** 2
    return max(1.0, squares * clusters / free / expected) * float(unsure)


def percentile(bound_s: float, seen: Sequence[Seen], alpha: float = ALPHA) -> Ratio:
    """Return the 99th percentile relative to its bound, and its binomial interval; misses that cluster count less."""
    times = np.sort(np.concatenate([each.response_s for each in seen]))
    size, value = times.size, float(times[ceil((1 - ALLOWED) * times.size) - 1])
    fewer = excess(seen, value)
    beyond = np.arange(min(size, int(4 * ALLOWED * size + 8 * fewer) + 20))
    highest = stats.beta.cdf(ALLOWED, beyond / fewer + 1, (size - beyond) / fewer)
    few = int(np.argmax(highest <= 1 - alpha))
    lowest = np.asarray(stats.beta.cdf(ALLOWED, np.maximum(beyond, 1e-9) / fewer, (size - beyond) / fewer + 1))
    many = beyond.size - 1 - int(np.argmax(lowest[::-1] >= alpha))
    upper = float(times[size - few]) if few else inf
    lower = float(times[size - 1 - many])
    return _ratio(value / bound_s, lower / bound_s, upper / bound_s)


def mean(ratios: Floats, alpha: float = ALPHA) -> Ratio:
    """Return the mean of the servers' ratios, and its interval by Student's t."""
    centre = float(ratios.mean())
    half = float(stats.t.isf(alpha, ratios.size - 1)) * float(stats.sem(ratios))
    return _ratio(centre, centre - half, centre + half)


def _ratio(value: float, lower: float, upper: float) -> Ratio:
    holds, breaks = upper <= 1, lower > 1
    status = ObjectiveStatus.HOLDS if holds else ObjectiveStatus.BREAKS if breaks else ObjectiveStatus.OPEN
    return Ratio(value, lower, upper, status)


@dataclass(slots=True)
class _Bench:
    """The machine that one search runs on."""

    world: World
    rng: np.random.Generator
    path: Floats
    at_s: float = 0.0

    def evaluation(self, value: int) -> Evaluation:
        """Measure a value in six new servers; half of it if that decides."""
        slow = np.exp(self.rng.normal(0.0, SERVER_SD, SERVERS)).tolist()
        if not isinstance(self.world.measured, Queue):
            self.at_s += MEASUREMENT_S / ROUNDS
            ratios = self.world.measured(value) * np.exp(self.rng.normal(0.0, _MEMORY_SD, SERVERS))
            return Evaluation(value, {"memory": mean(ratios)}, evidence=ratios)
        turns, bound_s = list[list[tuple[float, float]]](), self.world.measured.bound_s
        for _ in range(ROUNDS):
            for server in slow:
                now = server * float(self.path[int(self.at_s)])
                turns.append(self.world.measured.responses(value, now, self.rng))
                self.at_s += MEASUREMENT_S / SERVERS / ROUNDS
            seen = _seen(turns)
            if percentile(bound_s, [seen], EARLY_ALPHA).status is not ObjectiveStatus.OPEN:
                break
        return Evaluation(value, {"latency": percentile(bound_s, [seen])}, evidence=seen)

    def judge(self, measured: Sequence[Evaluation]) -> ObjectiveStatus:
        """Test several measurements as one."""
        evidence: list[Any] = [each.evidence for each in measured]
        if isinstance(self.world.measured, Queue):
            return percentile(self.world.measured.bound_s, evidence).status
        return mean(np.concatenate(evidence)).status


def _seen(turns: Sequence[Sequence[tuple[float, float]]]) -> Seen:
    flat = [(row, instant_s, response_s) for row, turn in enumerate(turns) for instant_s, response_s in turn]
    rows, instants_s, response_s = np.array(flat).T
    cluster = (rows * _PARTS + np.minimum(instants_s // (TURN_S / _PARTS), _PARTS - 1)).astype(np.int64)
    return Seen(response_s, cluster)


def searched(world: World, seed: int, number: int) -> ScaleLimit:
    """Search once."""
    rng = np.random.Generator(np.random.MT19937([seed, number, *world.name.encode()]))
    bench = _Bench(world, rng, world.path(rng))
    known = dict[tuple[int, ...], ObjectiveStatus]()

    def judge(measured: Sequence[Evaluation]) -> ObjectiveStatus:
        key = tuple(id(each) for each in measured)
        return known[key] if key in known else known.setdefault(key, bench.judge(measured))

    search = LimitSearch(LOW, HIGH, judge)
    for value in search.asks(lambda: bench.at_s / SEARCH_S):
        search.tell(bench.evaluation(value))
    return limit_of(search, {})


def grows(floor_ms: float, at_1000_ms: float, power: float = 1.0) -> Callable[[float], float]:
    """Return the mean service time in s by the value: a floor, and a power of the value."""
    return lambda value: (floor_ms + at_1000_ms * (value / 1000) ** power) / 1e3


def steps(value: float) -> float:
    """Return a mean service time that nearly doubles above 3000."""
    return (1.4 + 0.05 * value / 1000) * (1.0 if value <= 3000 else 1.8) / 1e3


def worlds() -> tuple[World, ...]:
    """Return the worlds, with their truths."""
    servers, rare = normal_mix(SERVER_SD), 2 / 60
    plain = Queue(0.020, grows(0.4, 0.65), exponential())
    near = Queue(0.020, grows(0.4, 0.163), exponential())
    fixed = Queue(0.012, grows(0.5, 0.1, 2.0), constant())
    mixed = Queue(0.025, grows(0.3, 0.35), slow_payloads(0.05, 5.0))
    others = Queue(0.020, grows(0.4, 0.4), exponential(), 0.5, 0.015)
    slower = [
        (weight * share, slow * times) for share, times in ((1 - rare, 1), (rare, 1.5)) for weight, slow in servers
    ]

    def found(queue: Queue, mix: list[tuple[float, float]]) -> float:
        return crossing(queue.share, mix, LOW, 2 * HIGH)

    def formula(queue: Queue) -> float:
        return crossing(
            lambda v, slow: exponential_share(queue.service_s(v) * slow, queue.bound_s), servers, LOW, 2 * HIGH
        )

    wander = normal_mix((SERVER_SD**2 + 0.03**2) ** 0.5)
    return (
        World("M/M/1", formula(plain), plain),
        World("M/M/1, just above the range", formula(near), near),
        World("M/D/1", found(fixed, servers), fixed),
        World("memory", 3200.0, lambda value: (400 + 0.2 * value) / (400 + 0.2 * 3200)),
        World("step", 3000.0, Queue(0.015, steps, constant())),
        World("speed wanders by 3 %, for 10 s", found(plain, wander), plain, wandering(0.03, exp(-0.1))),
        World("speed wanders by 3 %, for 100 s", found(plain, wander), plain, wandering(0.03, exp(-0.01))),
        World("5 % of payloads five times as slow", found(mixed, servers), mixed),
        World("other jobs in bursts", found(others, servers), others),
        World("slower by half for 2 s of 60", found(plain, slower), plain, interrupted(60.0, 2, 1.5)),
    )


def row(world: World, found: Sequence[ScaleLimit]) -> str:
    """Return a row of the table."""
    covers = [each.lower <= world.truth <= each.upper for each in found]
    low, high = stats.binomtest(sum(covers), len(covers)).proportion_ci()
    cells = [
        world.name,
        f"{world.truth:.0f}",
        f"{100 * np.mean(covers):.0f} [{100 * low:.1f}, {100 * high:.1f}]",
        _percent([each.lower > world.truth for each in found]),
        _percent([each.upper < world.truth for each in found]),
        _percent([each.holds is not None and each.holds > world.truth for each in found]),
        _percent([each.breaks is not None and each.breaks <= world.truth for each in found]),
        f"{100 * expm1(float(np.median([log(each.upper / each.lower) for each in found])) / 2):.1f}",
        f"{100 * float(np.nanmedian([log(each.estimate / world.truth) for each in found])):+.1f}",
        f"{np.mean([sum(point.measurements for point in each.points) for each in found]):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _percent(which: Sequence[bool]) -> str:
    return f"{100 * np.mean(which):.0f}"


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=100, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(names: tuple[str, ...], searches: int, seed: int) -> None:
    """Print how often searches are right, in each world whose name contains one of NAMES."""
    heads = ["world", "truth", "covers %", "too high %", "too low %", 'wrong "holds" %', 'wrong "breaks" %']
    heads += ["median half-width %", "median bias %", "measurements"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
    for world in worlds():
        if names and not any(name in world.name for name in names):
            continue
        print(row(world, [searched(world, seed, number) for number in range(searches)]), flush=True)


if __name__ == "__main__":
    main()
