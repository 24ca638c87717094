"""One simulated search, with perfgate's own functions, and the true capacity of each world."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import exp, log

import numpy as np

from benchmarks.simulation.capacity.stored import StoredQueue, stored
from benchmarks.simulation.capacity.worlds import Machine, World
from perfgate.capacity.answer import Bound
from perfgate.capacity.estimate import Estimate, change_of, estimate, spread_of
from perfgate.capacity.lengths import Lengths, lengths_of
from perfgate.capacity.reference_queue import ReferenceQueue
from perfgate.capacity.search import Ask, Search, Searched, above_low_load
from perfgate.capacity.settings import servers_for
from perfgate.capacity.turn import Floats, Turn, backlog_grows
from perfgate.loadgen.arrivals import gamma, poisson
from perfgate.pipeline.rate_search import SECONDS
from perfgate.stats.spread import Spread
from perfgate.trials import Arm

SHARE = 0.01
BOUND = Bound("latency_p99_ms", SHARE)
_TABLE = 2_000_000
"""Requests for each point of the reference queue's table: its errors are not what is simulated here."""
_COARSE, _FINE = 1_000_000, 16_000_000
"""Requests at each rate of the search for the truth, and at the two rates between which it is interpolated."""
_TRUTH_S, _SETTLED = 5.0, 50.0
"""Length of its runs, in seconds and in relaxation times, the longer of both; their first fifth is left out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one search answered."""

    capacities: tuple[Spread, ...]
    change: Spread | None
    turns: int


def arrivals(world: World, rate_rps: float, seconds: float, rng: np.random.Generator) -> Floats:
    """Draw one turn's arrivals."""
    if world.cv == 1:
        return poisson(rate_rps, seconds, rng)
    return gamma(rate_rps, world.cv, seconds, rng)


@cache
def lengths(world: World, arms: int = 1) -> Lengths:
    """Return the lengths of a turn, by perfgate's own rule."""
    bound = Bound("latency_p99_ms", SHARE, world.bound_s * 1e3)
    return lengths_of((bound,), world.service_s * 1e3, world.closed_loop_rps, SECONDS[arms], arms)


@cache
def queue_of(world: World, arms: int = 1) -> ReferenceQueue:
    """Return the reference queue of a world; worlds with the same objective and arrivals share its table."""
    turn = lengths(world, arms)
    name = f"table-{world.bound_s:.3f}-{turn.lead_in_s:.3f}-{turn.turn_s:.3f}-{world.cv:.1f}"
    return StoredQueue(
        name, world.bound_s, turn.lead_in_s, lambda rate, rng: arrivals(world, rate, turn.whole_s, rng), 1, _TABLE
    )


def search(world: World, seed: int, slow: float | None = None, seconds: float | None = None) -> Outcome:
    """Search the capacity of one version, or with `slow` of a second one too that takes that much longer."""
    planner = searched(world, seed, slow, seconds)
    arms = (Arm.CANDIDATE,) if slow is None else tuple(Arm)
    return Outcome(*answer(planner, arms), len(planner.turns))


def searched(
    world: World, seed: int, slow: float | None = None, seconds: float | None = None, *, decides: bool = False
) -> Search:
    """Make all turns of a search."""
    arms = (Arm.CANDIDATE,) if slow is None else tuple(Arm)
    seconds, length_s = seconds or SECONDS[len(arms)], lengths(world, len(arms)).whole_s
    lead_in_s = lengths(world, len(arms)).lead_in_s
    rng = np.random.default_rng((seed, 1))
    machine = Machine(world, np.random.default_rng((seed, 2)), seconds)
    slowness = dict(zip(arms, (1.0, slow or 1.0), strict=False))
    queue, pairs = queue_of(world, len(arms)), servers_for(seconds / length_s / len(arms))
    guess_rps = world.closed_loop_rps * exp(rng.normal(0, 0.3))
    planner = Search(Searched(arms, (BOUND,), pairs, guess_rps, {0: queue}, decides=decides), rng)
    time_s = [0.0]
    for ask in planner.asks(lambda: time_s[0] / seconds):
        instants_s = arrivals(world, ask.rate_rps, length_s, rng)
        for arm in rng.permutation(list(arms)).tolist():
            mine = Arm(arm)
            responses_s = machine.serve(instants_s, ask.pair, time_s[0], ask.rate_rps, slowness[mine], arms.index(mine))
            planner.tell(turn(world, mine, ask, instants_s, responses_s, (lead_in_s, length_s)))
            time_s[0] += length_s
    return planner


def turn(  # noqa: PLR0913, PLR0917 - what a turn is made of
    world: World, arm: Arm, ask: Ask, instants_s: Floats, responses_s: Floats, part_s: tuple[float, float]
) -> Turn:
    """Make one turn; `part_s`: begin and end of its recorded part."""
    (begin_s, end_s), middle_s = part_s, sum(part_s) / 2
    recorded, late = instants_s >= begin_s, instants_s >= middle_s
    first, middle, last = (
        int(np.count_nonzero((instants_s < at_s) & (instants_s + responses_s > at_s)))
        for at_s in (begin_s, middle_s, end_s)
    )
    overloaded = backlog_grows((first, middle, last), int(np.count_nonzero(recorded)))
    slow = recorded & ((responses_s > world.bound_s) | overloaded)
    halves = int(np.count_nonzero(slow & ~late)), int(np.count_nonzero(slow & late))
    return Turn(
        arm,
        ask.pair,
        ask.number,
        ask.stage,
        ask.rate_rps,
        instants_s,
        responses_s[recorded] * 1e3,
        (sum(halves),),
        halves=halves,
        overloaded=overloaded,
    )


def answer(planner: Search, arms: tuple[Arm, ...]) -> tuple[tuple[Spread, ...], Spread | None]:
    """Estimate the capacity of each arm, and the change."""
    found: list[Estimate] = []
    for arm in arms:
        mine = [turn for turn in planner.turns if turn.arm is arm]
        start_rps = planner.start_rps(arm)
        queue = planner.queues
        found.append(estimate(above_low_load(mine, (BOUND,), start_rps), (BOUND,), queue, start_rps))
    return tuple(map(spread_of, found)), change_of(*found) if len(found) > 1 else None


@cache
def truth(world: World, slow: float = 1.0, arms: int = 1) -> float:
    """Return the logarithm of the capacity: of many servers, each over a long time, at one rate after another."""
    name = re.sub(r"\W+", "_", f"truth {world.name} {slow:.4f} {arms}")
    return float(stored(name, lambda: _truth(world, slow, arms)))


def _truth(world: World, slow: float, arms: int) -> float:
    seconds, guess = SECONDS[arms], log(world.closed_loop_rps / slow)
    low, high = guess - 1.5, guess + 1.2
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if _share(world, slow, middle, seconds, _COARSE) > SHARE else (middle, high)
    below, above = (middle + step for step in (-0.01, 0.01))
    low, high = (
        log(share / (1 - share)) for share in (_share(world, slow, at, seconds, _FINE) for at in (below, above))
    )
    return below + (log(SHARE / (1 - SHARE)) - low) / (high - low) * (above - below)


def _share(world: World, slow: float, log_rate: float, seconds: float, requests: int) -> float:
    """Return the share of requests that are too slow, of servers that have been busy for a while."""
    missed = count = 0
    length_s, rng = max(_TRUTH_S, _SETTLED * lengths(world).settles_s), np.random.default_rng(7)
    runs = max(int(requests / (exp(log_rate) * length_s)), 200)
    for number in range(runs):
        machine = Machine(world, np.random.default_rng((11, number)), seconds)
        instants_s = arrivals(world, exp(log_rate), length_s, rng)
        responses_s = machine.serve(instants_s, 0, (number + 0.5) / runs * seconds, exp(log_rate), slow)
        recorded = responses_s[instants_s >= length_s / 5]
        missed += int(np.count_nonzero(recorded > world.bound_s))
        count += recorded.size
    return missed / count
