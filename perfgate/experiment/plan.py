"""The plan of a run, fixed before anything is measured and written into the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from perfgate.errors import UsageError
from perfgate.loadgen.arrivals import digest, length_s
from perfgate.loadgen.trace import read_trace
from perfgate.metrics import Source
from perfgate.scenario.schema import Budget, Load, Scenario
from perfgate.trials import Arm, Depth, Lane

EXECUTING = ("embedded", "in_process")
"""Kinds of targets whose replicas can time executions themselves; they are forked, and share most of their memory."""
_REPLICA_MIB = 150.0
_FOREIGN_MIB = 600.0
"""Memory of a server with its own command, which shares nothing: that of `perfgate serve`."""
_MODEL_COPIES = 4.0
"""Ratio of a served model's memory to its size on disk: variables, the graph, and room for its tensors."""
_GRAPH_COPIES, _GRAPH_COPIES_LOADING = 6.5, 13.0
"""The same for constants, which are part of the graph: 0.9 GB took 5.6 GB, and 11.2 GB while loading."""
_PARENT_MIB = 500.0
_MEMORY_SHARE = 0.7
_TURN_S = (0.5, 2.0)
"""Shorter turns would hide a growing queue; longer ones would alternate the arms too seldom."""
_CLOSED_TURN_S = (0.25, 2.0)
"""The same for a closed loop, whose queue cannot grow."""
_WARMUP_SHARE = 0.35
_FIRST_CALLS_S = 600.0
"""Limit for slow first calls of all servers of a run together, on top of the budget: they are not steady state."""
ENOUGH_FOR_EARLY_LOOKS = 12
"""Replicas an arm; with fewer, the far tails that an early look relies on do not follow Student's t
(docs/explanation/method.md).
"""
FIRST_LOOK = 3 / 8
"""Share of a lane's time before the first look, with fewer replicas."""
MOST_TIMES_LOOKS = 2
"""Most looks of a lane that got other lanes' time, relative to those planned."""
_PAIR = 2
"""More at once would belong to different pairs, and differ in their neighbours."""
_STARTS = 1
"""Number of the random stream from which the order of starts is drawn."""
_SOURCES = {Depth.EXECUTE: Source.EXECUTE, Depth.REQUEST: Source.REQUEST, Depth.OPS: Source.OPS}


@dataclass(frozen=True, slots=True)
class Slot:
    """Position of one replica in the experiment."""

    replica: int
    arm: Arm
    parent: int
    start_position: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time spent in one lane at one depth."""

    lane: Lane
    depth: Depth
    seconds: float
    looks: tuple[float, ...] = (1.0,)
    """Shares of its time after which it may end; the last one is 1."""

    @property
    def source(self) -> Source:
        """What it measures, as named in the metrics table."""
        return Source.LOAD if self.lane is Lane.LOAD else _SOURCES[self.depth]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before measuring."""

    seed: int
    slots: tuple[Slot, ...]
    """In order of start."""
    segments: tuple[Segment, ...]
    load: Load
    turn_s: float
    """Length of one replica's turn in the load lane."""
    load_replicas: int
    """Replicas of each arm that have turns in the load lane: the first ones started, in pairs."""
    warmup_limit_s: float
    """Limit of one replica's warm-up, even if its latency is still falling."""
    first_calls_limit_s: float
    """The same if first calls are slow, as in a model that compiles for each shape."""
    at_once: int = 1
    """Servers that are started and warmed up at once: one of each arm, or two of one."""
    trace_s: tuple[float, ...] = ()
    """Arrivals of the trace that each turn replays, from 0."""

    def seconds_of(self, segment: Segment) -> float:
        """Return about how long a segment takes: its share of the time, or a turn of each replica if that is longer."""
        if segment.lane is not Lane.LOAD:
            return segment.seconds
        return max(segment.seconds, self._round_s)

    def most_s_of(self, segment: Segment) -> float:
        """Return the most time that a segment takes: the last round of turns begins if half of it has time."""
        late_s = self._round_s / 2 if segment.lane is Lane.LOAD else 0.0
        return max(self.seconds_of(segment), segment.seconds + late_s)

    @property
    def replicas(self) -> int:
        """Number of replicas an arm."""
        return len(self.slots) // len({slot.arm for slot in self.slots})

    @property
    def _round_s(self) -> float:
        return self.turn_s * self.load_replicas * len({slot.arm for slot in self.slots})

    @property
    def longest(self) -> Source | None:
        """What the segment with the most time for each server measures."""
        arms = len({slot.arm for slot in self.slots})

        def each_s(segment: Segment) -> float:
            return segment.seconds / (arms * self.load_replicas if segment.lane is Lane.LOAD else len(self.slots))

        return max(self.segments, key=each_s).source if self.segments else None

    def as_dict(self) -> dict[str, Any]:
        """Convert it to plain data for the result file; a trace becomes its count and digest."""
        plain = asdict(self) | {"load": self.load.model_dump(mode="json")}
        plain |= {"slots": [asdict(slot) for slot in self.slots], "segments": [asdict(s) for s in self.segments]}
        del plain["trace_s"]
        trace = {"arrivals": len(self.trace_s), "digest": digest(np.array(self.trace_s))} if self.trace_s else None
        return plain | {"trace": trace}


def size_in_memory_mib(variables_mib: float, graph_mib: float) -> float:
    """Estimate a server's memory beyond that of an empty one, as the size of variables that would take as much."""
    return variables_mib + graph_mib * _GRAPH_COPIES / _MODEL_COPIES


def loading_mib(variables_mib: float, graph_mib: float) -> float:
    """Estimate a server's peak memory while it loads its model."""
    return _REPLICA_MIB + _MODEL_COPIES * variables_mib + _GRAPH_COPIES_LOADING * graph_mib


def replicas_that_fit(  # noqa: PLR0913, PLR0917 - everything that takes memory
    kind: str, wanted: int, arms: int, parents: int, available_mib: float, model_mib: float
) -> int:
    """Return the replicas an arm that fit in memory with a margin, at least 2; all for running servers."""
    if kind == "endpoint":
        return wanted
    forked = kind in EXECUTING
    each = (_REPLICA_MIB if forked else _FOREIGN_MIB) + _MODEL_COPIES * model_mib
    room = _MEMORY_SHARE * available_mib - (parents * _PARENT_MIB if forked else 0)
    return max(2, min(wanted, int(room / each / arms)))


def start_order(arms: Sequence[Arm], replicas: int, parents: int, seed: int) -> tuple[Slot, ...]:
    """Counterbalance who starts first: A B, B A, B A, A B … after Thue and Morse, and alternate the fork parents.

    Of two equal servers the one started second is 1.5 to 3% faster (docs/explanation/method.md); in this order every
    prefix whose length is a power of two is balanced against drifts of low polynomial degree. The seed decides which
    arm is A: the first server of a run is unlike all others, and should not always be of the same arm.
    """
    stream = np.random.SeedSequence(seed, spawn_key=(_STARTS,))  # (seed, 1) draws the traffic of block 1
    if np.random.default_rng(stream).integers(2):
        arms = tuple(reversed(arms))
    slots: list[Slot] = []
    for pair in range(replicas):
        order = arms if pair.bit_count() % 2 == 0 else tuple(reversed(arms))
        for arm in order:
            position = len(slots)
            slots.append(Slot(replica=position, arm=arm, parent=pair % parents, start_position=position))
    return tuple(slots)


def _segments(budget: Budget, replicas: int, *, executes: bool) -> tuple[Segment, ...]:
    """Divide the time among segments; a server that cannot time executions gives theirs to single requests."""
    execute_share = budget.execute_share if executes else 0.0
    shares = (
        (Lane.COST, Depth.EXECUTE, execute_share),
        (Lane.COST, Depth.REQUEST, budget.execute_share + budget.request_share - execute_share),
        (Lane.LOAD, Depth.REQUEST, 1 - budget.execute_share - budget.request_share),
    )
    looks = _looks(budget.looks, replicas)
    return tuple(Segment(lane, depth, budget.measure_s * share, looks) for lane, depth, share in shares if share > 1e-9)


def looked_at_like(replicas: int, gates: int) -> int:
    """Return the number of replicas by which looks are planned.

    A level that several gates share is so far in the tails that no number of replicas is enough for early looks
    (docs/explanation/fleet-rates.md).
    """
    return replicas if gates == 1 else min(replicas, ENOUGH_FOR_EARLY_LOOKS - 1)


def lengthened(segments: Sequence[Segment], spare_s: float, most_looks: int, replicas: int) -> tuple[Segment, ...]:
    """Distribute a segment's unused time among the later segments, in proportion to their times.

    Looks keep about the same distance in seconds, up to a maximum number. What a segment decides has no influence on
    its own time: the number of its looks and their instants are fixed before the first of them.
    """
    if spare_s <= 0:
        return tuple(segments)
    factor = 1 + spare_s / sum(segment.seconds for segment in segments) if segments else 1.0
    return tuple(
        replace(each, seconds=each.seconds * factor, looks=_more_looks(each.looks, factor, most_looks, replicas))
        for each in segments
    )


def _looks(count: int, replicas: int) -> tuple[float, ...]:
    first = 0.0 if replicas >= ENOUGH_FOR_EARLY_LOOKS else FIRST_LOOK
    return tuple(look / count for look in range(1, count + 1) if look / count >= first)


def _more_looks(looks: tuple[float, ...], factor: float, most: int, replicas: int) -> tuple[float, ...]:
    if len(looks) == 1:
        return looks
    planned = 1 / (looks[-1] - looks[-2])
    return _looks(min(round(factor * planned), most), replicas)


def trace_of(load: Load) -> tuple[float, ...]:
    """Read the scenario's trace, if any; UsageError if it is malformed, or too short to determine a turn's length."""
    if load.trace is None:
        return ()
    trace_s = read_trace(Path(load.trace), load.speed)
    if load.turn_s is None and trace_s[-1] <= 0:
        raise UsageError(f"{load.trace}: all its timestamps are the same", "set the length of a turn with load.turn_s")
    return trace_s


def _turn_s(load: Load, trace_s: Sequence[float], load_s: float, visits: int) -> float:
    """Return the length of a turn: as configured, that of its trace, or so that one or two a replica fill the time.

    Two, unless they would be shorter than half a second (a quarter in a closed loop).

    The time is used up in any case: a rest too short for another round would leave objectives without requests.
    """
    if load.turn_s is not None:
        return load.turn_s
    if trace_s:
        return length_s(trace_s)
    low, high = _CLOSED_TURN_S if load.arrivals == "closed" else _TURN_S
    turns = 2 if load_s / (2 * visits) >= low else 1
    return min(max(load_s / (turns * visits), low), high)


def make_plan(  # noqa: PLR0913 - everything that shapes a run
    scenario: Scenario,
    arms: Sequence[Arm],
    seed: int,
    replicas: int,
    *,
    executes: bool = True,
    at_once: int = 1,
    trace_s: tuple[float, ...] | None = None,
) -> Plan:
    """Plan a run of `replicas` an arm; `executes`: whether they can time executions themselves.

    `at_once`: servers that can be started at the same time. `trace_s`: the scenario's trace if it was already read.
    """
    budget, load = scenario.budget, scenario.load
    slots = start_order(arms, replicas, min(budget.parents, replicas), seed)
    segments = _segments(budget, looked_at_like(replicas, scenario.gate.gates), executes=executes)
    load_s = sum(segment.seconds for segment in segments if segment.lane is Lane.LOAD)
    load_replicas, trace_s = min(load.replicas or replicas, replicas), trace_of(load) if trace_s is None else trace_s
    at_once, limit_s = min(at_once, _PAIR), _WARMUP_SHARE * budget.measure_s / len(slots)
    return Plan(
        seed=seed,
        slots=slots,
        segments=segments,
        load=load,
        turn_s=_turn_s(load, trace_s, load_s, load_replicas * len(arms)),
        load_replicas=load_replicas,
        at_once=at_once,
        warmup_limit_s=limit_s,
        first_calls_limit_s=max(limit_s, _FIRST_CALLS_S * at_once / len(slots)),
        trace_s=trace_s,
    )
