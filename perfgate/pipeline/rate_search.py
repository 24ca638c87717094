"""The search for a capacity on live servers: turns at one rate after another, both arms with the same arrivals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from perfgate.capacity.answer import Bound
from perfgate.capacity.arrivals import SHAPED, at_any_rate
from perfgate.capacity.bounds import bounds_of
from perfgate.capacity.driven import Protocol, turn_of
from perfgate.capacity.lengths import Lengths, lengths_of
from perfgate.capacity.limiting import Batches
from perfgate.capacity.reference_queue import ReferenceQueue
from perfgate.capacity.search import Search, Searched
from perfgate.capacity.settings import servers_for
from perfgate.capacity.turn import Floats, Stage
from perfgate.experiment.lanes import Bench, load_turn
from perfgate.experiment.servers import LiveReplica, of_arm
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.scenario.batching_file import batching_of
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm, Requests

SECONDS = {1: 150.0, 2: 240.0}
"""Time to measure, by the number of arms."""
_UNLOADED_S, _CLOSED_S = 0.7, 1.0
_LEAST_IN_FLIGHT, _MOST_IN_FLIGHT = 16, 256
_LEAST_REQUESTS = 5
_SETTLE_S, _PROBE_S = 5.0, 0.05
_LAST_REQUESTS, _QUICK = 20, 3.0
"""Requests at a turn's end, and times the response without load, from which a queue is left."""
TABLE_REQUESTS = 1_000_000
"""Simulated for each point of the reference queue."""


@dataclass(slots=True)
class RateSearch:
    """A search under way; what is known when it is interrupted stays known."""

    search: Search
    bounds: tuple[Bound, ...]
    lengths: Lengths
    unloaded_ms: dict[Arm, float]
    pairs: int
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    complete: bool = False
    stage: Stage = Stage.SWEEP


def begin_search(  # noqa: PLR0913, PLR0917 - all that turns are planned from
    replicas: Sequence[LiveReplica],
    scenario: Scenario,
    seconds: float,
    bench: Bench,
    bounds: tuple[Bound, ...] | None = None,
    table_requests: int = TABLE_REQUESTS,
    *,
    decides: bool = False,
) -> RateSearch:
    """Measure each arm with one request in flight and with many, and plan the turns from both.

    `bounds`: what has to hold, if not what the scenario and the first arm's unloaded median say. `table_requests`:
    simulated for each point of the reference queue; computing them takes time from turns. `decides`: see `Searched`.
    """
    unloaded_ms, closed_rps = {}, []
    for arm in Arm:
        for live in of_arm(replicas, arm)[:1]:
            unloaded_ms[arm] = _median_ms(_closed(live, 1, _UNLOADED_S, bench))
            closed_rps.append(answered_rps(live, scenario, bench))
    arms = tuple(unloaded_ms)
    own, notes = bounds_of(scenario.objectives, next(iter(unloaded_ms.values())))
    bounds, notes = (own, notes) if bounds is None else (bounds, ())
    guess_rps = max(min(closed_rps), 0.1)
    lengths = lengths_of(bounds, max(unloaded_ms.values()), guess_rps, seconds, len(arms))
    if scenario.load.arrivals in SHAPED:
        lengths = replace(lengths, turn_s=lengths.whole_s, lead_in_s=0.0)
    rng = np.random.default_rng((bench.plan.seed, 15))
    draw = at_any_rate(scenario.load, lengths.whole_s, bench.plan.trace_s)
    queues = {
        index: ReferenceQueue(bound.bound_ms / 1e3, lengths.lead_in_s, draw, bench.plan.seed, table_requests)
        for index, bound in enumerate(bounds)
        if bound.bound_ms
    }
    servers = min(len(of_arm(replicas, arm)) for arm in arms)
    pairs = min(servers, servers_for(seconds / (lengths.whole_s * len(arms))))
    least_rps = _LEAST_REQUESTS / lengths.turn_s
    search = Search(Searched(arms, bounds, pairs, guess_rps, queues, least_rps=least_rps, decides=decides), rng)
    return RateSearch(search, bounds, lengths, unloaded_ms, pairs, tuple(_notes(notes, pairs, len(arms))))


def _notes(notes: tuple[str, ...], pairs: int, arms: int) -> Iterator[str]:
    yield from notes
    if pairs == 1:
        change = "; a change is not claimed" if arms > 1 else ""
        yield f"There is one server: the interval shows how it varied over time, not how servers differ{change}."


def continue_search(  # noqa: PLR0913, PLR0917 - the search, and everything that it touches
    found: RateSearch,
    replicas: Sequence[LiveReplica],
    scenario: Scenario,
    seconds: float,
    bench: Bench,
    on_stage: Callable[[Stage, RateSearch], None] = lambda _stage, _found: None,
) -> None:
    """Make turns until the time is used up."""
    began_s = bench.now_s()
    try:
        for _ in turns(found, replicas, scenario, bench, lambda: (bench.now_s() - began_s) / seconds, on_stage):
            pass
        found.complete = True
    finally:
        found.seconds = bench.now_s() - began_s


def turns(  # noqa: PLR0913, PLR0917 - the search, and everything that it touches
    found: RateSearch,
    replicas: Sequence[LiveReplica],
    scenario: Scenario,
    bench: Bench,
    used: Callable[[], float],
    on_stage: Callable[[Stage, RateSearch], None] = lambda _stage, _found: None,
) -> Iterator[None]:
    """Make one turn on a server of each arm for each step of the iteration; `used`: the share of the time."""
    length_s = found.lengths.whole_s
    timed = replace(bench, plan=replace(bench.plan, turn_s=length_s))
    arms = {arm: of_arm(replicas, arm) for arm in found.unloaded_ms}
    draw = at_any_rate(scenario.load, length_s, bench.plan.trace_s)
    protocol = Protocol(found.bounds, found.lengths, scenario.load.workers)
    rng = np.random.default_rng((bench.plan.seed, 16))
    for ask in found.search.asks(used):
        if ask.stage is not found.stage or ask.number == 0:
            found.stage = ask.stage
            on_stage(ask.stage, found)
        instants_s = draw(ask.rate_rps, rng)
        shown = []
        for arm in map(Arm, rng.permutation([arm.value for arm in arms]).tolist()):
            live = arms[arm][ask.pair]
            trial = load_turn(live, ask.number, OpenLoop(instants_s), timed)
            shown.append(turn_of(ask, trial, instants_s, protocol))
            settle(live, trial.requests, found.unloaded_ms[arm], bench)
        found.search.tell(*shown)
        yield


def settle(live: LiveReplica, requests: Requests, unloaded_ms: float, bench: Bench) -> None:
    """After a turn that ended with a queue, wait until the server answers as it does without load, at most 5 s.

    It may still work on requests whose deadline has passed (batches that wait for a thread), and take the CPU from the
    next turn, of the other arm as well.
    """
    if _is_quick(requests.response_ms[-_LAST_REQUESTS:], unloaded_ms):
        return
    end_s = bench.now_s() + _SETTLE_S
    while bench.now_s() < end_s and not _is_quick(_closed(live, 1, _PROBE_S, bench).response_ms, unloaded_ms):
        pass


def _is_quick(response_ms: Floats, unloaded_ms: float) -> bool:
    """Return whether nothing waited; also if that is not known."""
    if not response_ms.size or not isfinite(unloaded_ms):
        return True
    return float(np.median(response_ms)) <= _QUICK * unloaded_ms


def batches_of(scenario: Scenario) -> Batches | None:
    """Return how the servers batch; None if they do not."""
    batching = batching_of(scenario.server)
    return Batches(batching.batch_timeout_micros / 1e3, batching.max_batch_size) if batching else None


def _in_flight(scenario: Scenario) -> int:
    """Return how many requests in flight show what a server can answer: two of its batches, or 16."""
    batching = batching_of(scenario.server)
    wanted = 2 * batching.max_batch_size // scenario.payload.batch_size if batching else 0
    return min(max(wanted, _LEAST_IN_FLIGHT, scenario.load.in_flight), _MOST_IN_FLIGHT)


def _closed(live: LiveReplica, in_flight: int, seconds: float, bench: Bench) -> Requests:
    """Drive a closed loop; at least a few requests, however slow."""
    bench.between()
    return live.driver.drive(live.calls, ClosedLoop(in_flight, duration_s=seconds))


def _median_ms(requests: Requests) -> float:
    return float(np.median(requests.service_ms)) if requests.service_ms.size else float("nan")


def answered_rps(live: LiveReplica, scenario: Scenario, bench: Bench, seconds: float = _CLOSED_S) -> float:
    """Return the answers a second with many requests in flight, until the last one came."""
    requests = _closed(live, _in_flight(scenario), seconds, bench)
    good = requests.status == 0
    if not good.any():
        return 0.0
    last_s = float((requests.scheduled_s + requests.response_ms / 1e3)[good].max())
    rate = int(np.count_nonzero(good)) / last_s
    return rate if isfinite(rate) else 0.0
