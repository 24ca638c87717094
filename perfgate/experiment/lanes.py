"""The lanes: one visit to a replica, and rounds of visits in random order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from perfgate.experiment.plan import Plan, Segment
from perfgate.experiment.servers import LiveReplica, of_arm
from perfgate.loadgen import arrivals
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.observe.interface import MachineObserver
from perfgate.protocols.grpc import UNAVAILABLE
from perfgate.trials import Arm, Block, Depth, Lane, Requests, State, Trial, Usage

_MEMORY_EVERY_S = 5.0
_MIN_BLOCKS = {Lane.COST: 2, Lane.LOAD: 1}
_PAIRS_TO_CUT = 12
"""Six pairs in each part are enough to be compared as pairs (perfgate.stats.contrast)."""
_LEAST_SHARE = 0.01
"""Least share of a wall time that is left after subtracting waiting, so that logarithms stay finite."""
_ZERO = np.zeros(1)
_OK = np.zeros(1, dtype=np.int8)
_LEAD_IN_REQUESTS = 3
"""Unrecorded requests at the beginning of a turn, for each request that the load keeps in flight."""
_ONE = ClosedLoop(in_flight=1, requests=1)
_LOAD = Segment(Lane.LOAD, Depth.REQUEST, 0.0)

Traffic = ClosedLoop | OpenLoop


@dataclass(frozen=True, slots=True)
class Bench:
    """Clock, randomness and the machine's counters, shared by all lanes of a run."""

    plan: Plan
    machine: MachineObserver
    clock: Callable[[], float]
    rng: np.random.Generator
    began_s: float
    between: Callable[[], None] = lambda: None
    """Called before each visit, while no server is being measured."""

    def now_s(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began_s


@dataclass(frozen=True, slots=True, eq=False)
class _Visit:
    """What a visit measured; its times are those of the recorded part only."""

    start_s: float
    wall_s: float
    requests: Requests
    cpu_ms: float
    driver_cpu_ms: float
    usage: Usage | None = None
    unrecorded: int = 0
    payload: int | None = None


def _execute(live: LiveReplica, block: int, _: Traffic, bench: Bench) -> _Visit:
    """Execute once inside the replica, with no unrecorded run before: caches are as the other replicas left them.

    The service time is the wall time without the time spent waiting for a CPU.
    """
    start_s, place = bench.now_s(), place_of(block, len(live.order), bench.plan.seed)
    execution = live.server.execute(live.order[place])
    wall_ms = np.array([execution.wall_ms])
    own_ms = np.maximum(wall_ms - execution.waited_ms, _LEAST_SHARE * wall_ms)
    kind = np.array([live.calls[place].kind], np.int8) if live.calls[place].kind else None
    requests = Requests(_ZERO, wall_ms, own_ms, _ZERO, _OK, kind)
    return _Visit(start_s, bench.now_s() - start_s, requests, execution.cpu_ms, 0.0, payload=live.order[place])


def _request(live: LiveReplica, block: int, traffic: Traffic, bench: Bench) -> _Visit:
    """Send one request through the protocol, with none unrecorded before: caches are as the other replicas left them.

    An unrecorded one would take as long and make the recorded one no less noisy (docs/explanation/method.md). The
    service time excludes the time that the answering thread waited for a CPU, since that is caused by other processes
    and not by the model. The driver's own waiting is included.
    """
    place = place_of(block, len(live.order), bench.plan.seed)
    done = _drive(live, traffic, place, bench)
    own_ms = np.maximum(done.requests.service_ms - live.server.waited_ms(), _LEAST_SHARE * done.requests.service_ms)
    requests = replace(done.requests, service_ms=own_ms)
    return replace(done, requests=requests, payload=live.order[place])


@lru_cache(maxsize=16)
def _cycle(seed: int, cycle: int, places: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng((seed, cycle)).permutation(places).tolist())


def place_of(block: int, places: int, seed: int) -> int:
    """Return the place in the payload's order of a block of single requests: each once a cycle, in random order.

    At any time the places visited so far are a random sample of all, whatever the order in which they were recorded.
    """
    return _cycle(seed, block // places, places)[block % places]


def _load(live: LiveReplica, block: int, traffic: Traffic, bench: Bench) -> _Visit:
    """Drive a turn of the scenario's traffic."""
    in_flight = bench.plan.load.in_flight
    lead_in = _LEAD_IN_REQUESTS * in_flight
    live.driver.drive(live.calls, ClosedLoop(in_flight, requests=lead_in), first_call=_another(live, block))
    before = live.observer.usage()
    done = _drive(live, traffic, block, bench)
    return replace(done, usage=_spent(before, live.observer.usage()), unrecorded=lead_in)


def load_turn(live: LiveReplica, block: int, traffic: Traffic, bench: Bench) -> Trial:
    """Drive one turn of any traffic, as in the load lane; its length is the plan's `turn_s`."""
    bench.between()
    trial = _trial(_LOAD, block, live, _load(live, block, traffic, bench))
    return replace(trial, memory=live.observer.memory())


def _another(live: LiveReplica, block: int) -> int:
    """Choose a place in the cycle with another payload than the block begins with, whose caches would be warmer."""
    first, half = live.order[block % len(live.order)], block + len(live.order) // 2
    places = range(half, half + len(live.order))
    return next((place for place in places if live.order[place % len(live.order)] != first), half)


def _spent(before: Usage, after: Usage) -> Usage:
    """Subtract the counters before; memory is the value at the end."""
    counted = {each.name: getattr(after, each.name) - getattr(before, each.name) for each in fields(Usage)}
    return Usage(**counted | {"gpu_memory_mb": after.gpu_memory_mb})


def traffic_of(segment: Segment, block: int, plan: Plan) -> Traffic:
    """Return what each replica of a block gets: one request, or the same turn of the scenario's load."""
    load = plan.load
    if segment.lane is Lane.COST:
        return _ONE
    if load.arrivals == "closed":
        return ClosedLoop(load.in_flight, duration_s=plan.turn_s, think_time_s=load.think_time_s)
    rng = np.random.default_rng((plan.seed, block))
    return OpenLoop(arrivals.schedule(load, plan.turn_s, rng, plan.trace_s))


def _drive(live: LiveReplica, load: Traffic, block: int, bench: Bench) -> _Visit:
    cpu_ms, driver_cpu_ms, start_s = live.observer.cpu_ms(), live.driver.cpu_ms, bench.now_s()
    idle_s = live.driver.idle_s
    requests = live.driver.drive(live.calls, load, first_call=block)
    driver_cpu_ms = live.driver.cpu_ms - driver_cpu_ms
    wall_s = bench.now_s() - start_s - (live.driver.idle_s - idle_s)
    if isinstance(load, OpenLoop):
        wall_s = max(wall_s, bench.plan.turn_s)  # after the last arrival the turn continues without requests
    cpu_ms = live.observer.cpu_ms() - cpu_ms
    if np.any(requests.status == UNAVAILABLE):
        live.server.ensure_alive()
    return _Visit(start_s, wall_s, requests, cpu_ms, driver_cpu_ms)


_VISITS: dict[tuple[Lane, Depth], tuple[Callable[[LiveReplica, int, Traffic, Bench], _Visit], State]] = {
    (Lane.COST, Depth.EXECUTE): (_execute, State.COLD),
    (Lane.COST, Depth.REQUEST): (_request, State.COLD),
    (Lane.LOAD, Depth.REQUEST): (_load, State.UNDER_LOAD),
}


def visiting_order(replicas: Sequence[LiveReplica], rng: np.random.Generator) -> list[LiveReplica]:
    """Return pairs in random order, each A B or B A at random.

    A pair is always the same two servers, started one after the other by one fork server, so that machine noise and
    memory placement affect both alike (perfgate.stats.contrast).
    """
    sides = [of_arm(replicas, arm) for arm in Arm]
    pairs = list(zip(*(side for side in sides if side), strict=True))
    order: list[LiveReplica] = []
    for index in rng.permutation(len(pairs)):
        pair = pairs[index]
        order.extend(pair if rng.random() < 0.5 else reversed(pair))
    return order


def visited(replicas: Sequence[LiveReplica], segment: Segment, plan: Plan) -> tuple[LiveReplica, ...]:
    """Return the replicas that a lane visits: all, or under load the first ones of each arm in start order."""
    if segment.lane is Lane.COST:
        return tuple(replicas)
    return tuple(live for arm in Arm for live in of_arm(replicas, arm)[: plan.load_replicas])


def blocks(segment: Segment, replicas: Sequence[LiveReplica], bench: Bench) -> Iterator[Block]:
    """Yield rounds over all replicas while there is time for another; at least one or two.

    Memory is read after each visit of the load lane and, as the cost lane's visits are short, every 5 s there. A round
    of the load lane, whose visits are long, is yielded in parts with the same number, so that looks can take place
    between.
    """
    chosen = visited(replicas, segment, bench.plan)
    end_s, memory_due_s, index, wall_s = bench.now_s() + segment.seconds, 0.0, 0, 0.0
    while index < _MIN_BLOCKS[segment.lane] or bench.now_s() + wall_s / 2 < end_s:
        began_s, traffic = bench.now_s(), traffic_of(segment, index, bench.plan)
        samples_memory = segment.lane is Lane.LOAD or began_s >= memory_due_s
        memory_due_s = began_s + _MEMORY_EVERY_S if samples_memory else memory_due_s
        for part in _parts(visiting_order(chosen, bench.rng), segment.lane):
            yield _measured(part, segment, (index, traffic), bench, samples_memory=samples_memory)
        wall_s = bench.now_s() - began_s
        index += 1


def _parts(order: list[LiveReplica], lane: Lane) -> Iterator[list[LiveReplica]]:
    """Split a round of the load lane in two, between pairs."""
    pairs = len(order) // len({live.slot.arm for live in order})
    half = len(order) // pairs * (pairs // 2)
    if lane is Lane.COST or pairs < _PAIRS_TO_CUT:
        yield order
        return
    yield order[:half]
    yield order[half:]


def _measured(
    order: list[LiveReplica], segment: Segment, turn: tuple[int, Traffic], bench: Bench, *, samples_memory: bool
) -> Block:
    visit, _ = _VISITS[segment.lane, segment.depth]
    index, traffic = turn
    began_s = bench.now_s()
    bench.machine.start()
    trials = []
    for live in order:
        bench.between()
        trial = _trial(segment, index, live, visit(live, index, traffic, bench))
        trials.append(replace(trial, memory=live.observer.memory()) if samples_memory else trial)
    wall_s, conditions = bench.now_s() - began_s, bench.machine.conditions()
    schedule = arrivals.digest(traffic.instants_s) if isinstance(traffic, OpenLoop) else None
    return Block(segment.lane, segment.depth, index, began_s, wall_s, tuple(trials), conditions, schedule)


def _trial(segment: Segment, block: int, live: LiveReplica, done: _Visit) -> Trial:
    return Trial(
        lane=segment.lane,
        depth=segment.depth,
        state=_VISITS[segment.lane, segment.depth][1],
        block=block,
        arm=live.slot.arm,
        replica=live.slot.replica,
        start_s=done.start_s,
        wall_s=done.wall_s,
        requests=done.requests,
        cpu_ms=done.cpu_ms,
        driver_cpu_ms=done.driver_cpu_ms,
        usage=done.usage,
        unrecorded=done.unrecorded,
        payload=done.payload,
    )
