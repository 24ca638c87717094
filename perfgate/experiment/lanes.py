"""The lanes: what one visit to a replica does, and rounds of visits in random order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfgate.experiment.fleet import LiveReplica, of_arm
from perfgate.experiment.plan import Plan, Segment
from perfgate.load import arrivals
from perfgate.load.interface import ClosedLoop, OpenLoop
from perfgate.observe.interface import MachineObserver
from perfgate.trials import Arm, Block, Depth, Lane, Requests, State, Trial

_MEMORY_EVERY_S = 5.0
_MIN_BLOCKS = {Lane.COST: 2, Lane.LOAD: 1}
_UNAVAILABLE = 14
_ZERO = np.zeros(1)
_OK = np.zeros(1, dtype=np.int8)
_RAMP_REQUESTS = 3
"""Unrecorded, at the beginning of a slice, for each request that the load keeps in flight."""
_ONE = ClosedLoop(in_flight=1, requests=1)


@dataclass(frozen=True, slots=True)
class Bench:
    """Clock, randomness and the machine's accounts, shared by all lanes of a run."""

    plan: Plan
    machine: MachineObserver
    clock: Callable[[], float]
    rng: np.random.Generator
    began_s: float

    def now_s(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began_s


@dataclass(frozen=True, slots=True, eq=False)
class _Visit:
    """What a visit measured; its times are those of the recorded part alone."""

    start_s: float
    wall_s: float
    requests: Requests
    cpu_ms: float
    driver_cpu_ms: float


def _execute(live: LiveReplica, block: int, bench: Bench) -> _Visit:
    """Execute once inside the replica, nothing unrecorded before: caches are as the other replicas left them."""
    start_s = bench.now_s()
    execution = live.server.execute(live.order[block % len(live.order)])
    wall_ms = np.array([execution.wall_ms])
    requests = Requests(_ZERO, wall_ms, wall_ms, _ZERO, _OK)
    return _Visit(start_s, bench.now_s() - start_s, requests, execution.cpu_ms, 0.0)


def _request(live: LiveReplica, block: int, bench: Bench) -> _Visit:
    """Send one request through the protocol, right after an unrecorded one with another payload."""
    live.driver.drive(live.calls, _ONE, first_call=_another(live, block))
    return _drive(live, _ONE, block, bench)


def _load(live: LiveReplica, block: int, bench: Bench) -> _Visit:
    """Drive a slice of the scenario's traffic; all replicas of a block get the very same arrivals."""
    load = bench.plan.load
    ramp = ClosedLoop(in_flight=load.in_flight, requests=_RAMP_REQUESTS * load.in_flight)
    live.driver.drive(live.calls, ramp, first_call=_another(live, block))
    if load.arrivals == "closed":
        return _drive(live, ClosedLoop(in_flight=load.in_flight, duration_s=bench.plan.slice_s), block, bench)
    return _drive(live, OpenLoop(instants(bench.plan, block)), block, bench)


def _another(live: LiveReplica, block: int) -> int:
    """Choose a payload that the block does not begin with: one that was just sent finds warmer caches."""
    return block + len(live.calls) // 2


def instants(plan: Plan, block: int) -> NDArray[np.float64]:
    """Schedule of one block's slices, the same for every replica: seeded by the plan and the block's number."""
    rate_rps = plan.load.rate_rps
    if rate_rps is None:
        raise ValueError("a closed loop has no schedule")
    if plan.load.arrivals == "constant":
        return arrivals.constant(rate_rps, plan.slice_s)
    return arrivals.poisson(rate_rps, plan.slice_s, np.random.default_rng((plan.seed, block)))


def _drive(live: LiveReplica, load: ClosedLoop | OpenLoop, block: int, bench: Bench) -> _Visit:
    cpu_ms, driver_cpu_ms, start_s = live.observer.cpu_ms(), live.driver.cpu_ms, bench.now_s()
    requests = live.driver.drive(live.calls, load, first_call=block)
    wall_s, driver_cpu_ms = bench.now_s() - start_s, live.driver.cpu_ms - driver_cpu_ms
    if isinstance(load, OpenLoop):
        wall_s = max(wall_s, bench.plan.slice_s)  # after the last arrival the slice goes on, idle
    cpu_ms = live.observer.cpu_ms() - cpu_ms
    if np.any(requests.status == _UNAVAILABLE):
        live.server.ensure_alive()
    return _Visit(start_s, wall_s, requests, cpu_ms, driver_cpu_ms)


_VISITS: dict[tuple[Lane, Depth], tuple[Callable[[LiveReplica, int, Bench], _Visit], State]] = {
    (Lane.COST, Depth.EXECUTE): (_execute, State.COLD),
    (Lane.COST, Depth.REQUEST): (_request, State.WARM),
    (Lane.LOAD, Depth.REQUEST): (_load, State.UNDER_LOAD),
}


def _order(replicas: Sequence[LiveReplica], lane: Lane, rng: np.random.Generator) -> list[LiveReplica]:
    """Random order; in the load lane, whose visits are long, random pairs A B or B A so that drift hits both alike."""
    if lane is Lane.COST:
        return [replicas[i] for i in rng.permutation(len(replicas))]
    sides = [of_arm(replicas, arm) for arm in Arm]
    shuffled = [[side[i] for i in rng.permutation(len(side))] for side in sides if side]
    order: list[LiveReplica] = []
    for pair in zip(*shuffled, strict=True):
        order.extend(pair if rng.random() < 0.5 else reversed(pair))
    return order


def blocks(segment: Segment, replicas: Sequence[LiveReplica], bench: Bench) -> Iterator[Block]:
    """Yield rounds over all replicas while there is time for another, one or two at least.

    Memory is read after each visit of the load lane, and every 5 s in the cost lane, whose visits are short.
    """
    visit, _ = _VISITS[segment.lane, segment.depth]
    end_s, memory_due_s, index, wall_s = bench.now_s() + segment.seconds, 0.0, 0, 0.0
    while index < _MIN_BLOCKS[segment.lane] or bench.now_s() + wall_s / 2 < end_s:
        began_s = bench.now_s()
        sample_memory = segment.lane is Lane.LOAD or began_s >= memory_due_s
        memory_due_s = began_s + _MEMORY_EVERY_S if sample_memory else memory_due_s
        bench.machine.start()
        trials = []
        for live in _order(replicas, segment.lane, bench.rng):
            done = visit(live, index, bench)
            trial = _trial(segment, index, live, done)
            trials.append(replace(trial, memory=live.observer.memory()) if sample_memory else trial)
        wall_s = bench.now_s() - began_s
        yield Block(segment.lane, segment.depth, index, began_s, wall_s, tuple(trials), bench.machine.conditions())
        index += 1


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
    )
