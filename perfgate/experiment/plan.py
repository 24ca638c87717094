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
"""A server of a command of its own, which shares nothing: what `perfgate serve` takes."""
_MODEL_COPIES = 4.0
"""A served model's memory over its size on disk: variables, the graph, and room for its tensors."""
_GRAPH_COPIES, _GRAPH_COPIES_LOADING = 6.5, 13.0
"""That of constants, which are part of the graph: 0.9 GB took 5.6 GB, and 11.2 GB while they were loaded."""
_PARENT_MIB = 500.0
_MEMORY_SHARE = 0.7
_TURN_S = (0.5, 2.0)
"""Shorter ones would hide a growing queue; longer ones would alternate the arms too seldom."""
_CLOSED_TURN_S = (0.25, 2.0)
"""Of a closed loop, whose queue cannot grow."""
_WARMUP_SHARE = 0.35
_FIRST_CALLS_S = 600.0
"""For slow first calls on all servers of a run together, over the budget: they are no part of the steady state."""
ENOUGH_FOR_EARLY_LOOKS = 12
"""Replicas an arm; with fewer, the far tails that an early look goes by are not Student's t
(docs/explanation/method.md)."""
FIRST_LOOK = 3 / 8
"""Of a lane's time, with fewer replicas."""
MOST_TIMES_LOOKS = 2
"""A lane that others left time looks so many times as often as planned, at most."""
_PAIR = 2
"""More side by side would be of different pairs, and differ in who is beside whom."""
_STARTS = 1
"""Number of the seed's stream from which the order of starts is drawn."""
_SOURCES = {Depth.EXECUTE: Source.EXECUTE, Depth.REQUEST: Source.REQUEST}


@dataclass(frozen=True, slots=True)
class Slot:
    """Place of one replica in the experiment."""

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
    """Shares of its time after which it may end, the last one 1."""

    @property
    def source(self) -> Source:
        """What it measures, in the words of the metrics table."""
        return Source.LOAD if self.lane is Lane.LOAD else _SOURCES[self.depth]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was decided beforehand."""

    seed: int
    slots: tuple[Slot, ...]
    """In order of start."""
    segments: tuple[Segment, ...]
    load: Load
    turn_s: float
    """Length of one replica's turn in the load lane."""
    load_replicas: int
    """So many replicas of each arm have turns in the load lane: those that were started first, in pairs."""
    warmup_limit_s: float
    """Warm-up of one replica ends here even if its latency still falls."""
    first_calls_limit_s: float
    """The same where first calls are slow, as of a model that compiles for each shape."""
    at_once: int = 1
    """Servers that are started and warmed up side by side: one of each arm, or two of one."""
    trace_s: tuple[float, ...] = ()
    """Arrivals of the trace that each turn replays, from 0."""

    def seconds_of(self, segment: Segment) -> float:
        """Return about how long a segment takes: its share of the time, or a turn of each replica, the longer."""
        if segment.lane is not Lane.LOAD:
            return segment.seconds
        return max(segment.seconds, self._round_s)

    def most_s_of(self, segment: Segment) -> float:
        """Return how long it takes at most: the last round of turns begins while half of it has time."""
        late_s = self._round_s / 2 if segment.lane is Lane.LOAD else 0.0
        return max(self.seconds_of(segment), segment.seconds + late_s)

    @property
    def replicas(self) -> int:
        """How many an arm has."""
        return len(self.slots) // len({slot.arm for slot in self.slots})

    @property
    def _round_s(self) -> float:
        return self.turn_s * self.load_replicas * len({slot.arm for slot in self.slots})

    @property
    def longest(self) -> Source | None:
        """What is measured in the segment that has the most time for each server that it visits."""
        arms = len({slot.arm for slot in self.slots})

        def each_s(segment: Segment) -> float:
            return segment.seconds / (arms * self.load_replicas if segment.lane is Lane.LOAD else len(self.slots))

        return max(self.segments, key=each_s).source if self.segments else None

    def as_dict(self) -> dict[str, Any]:
        """Make it plain data for the result file; of a trace, its count and digest."""
        plain = asdict(self) | {"load": self.load.model_dump(mode="json")}
        plain |= {"slots": [asdict(slot) for slot in self.slots], "segments": [asdict(s) for s in self.segments]}
        del plain["trace_s"]
        trace = {"arrivals": len(self.trace_s), "digest": digest(np.array(self.trace_s))} if self.trace_s else None
        return plain | {"trace": trace}


def size_in_memory_mib(variables_mib: float, graph_mib: float) -> float:
    """Estimate what a server takes beyond an empty one, as the size of variables that would take as much."""
    return variables_mib + graph_mib * _GRAPH_COPIES / _MODEL_COPIES


def loading_mib(variables_mib: float, graph_mib: float) -> float:
    """Estimate what a server takes at most, while it loads its model."""
    return _REPLICA_MIB + _MODEL_COPIES * variables_mib + _GRAPH_COPIES_LOADING * graph_mib


def replicas_that_fit(  # noqa: PLR0913, PLR0917 - what memory is needed for
    kind: str, wanted: int, arms: int, parents: int, available_mib: float, model_mib: float
) -> int:
    """Replicas an arm for which memory suffices with a margin, at least 2; of servers that run already, all."""
    if kind == "endpoint":
        return wanted
    forked = kind in EXECUTING
    each = (_REPLICA_MIB if forked else _FOREIGN_MIB) + _MODEL_COPIES * model_mib
    room = _MEMORY_SHARE * available_mib - (parents * _PARENT_MIB if forked else 0)
    return max(2, min(wanted, int(room / each / arms)))


def start_order(arms: Sequence[Arm], replicas: int, parents: int, seed: int) -> tuple[Slot, ...]:
    """Counterbalance who starts first: A B, B A, B A, A B … after Thue and Morse, and alternate the fork parents.

    Of two equal servers the one started second is 1.5 to 3 % faster (docs/explanation/method.md); in this order every
    prefix of a power of two is balanced against drifts of low polynomial degree. Which of the arms is A is drawn from
    the seed: the very first server of a run is like no other, and no arm has it in every run.
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
    """Share the time; executions that a server cannot make leave theirs to single requests."""
    execute_share = budget.execute_share if executes else 0.0
    shares = (
        (Lane.COST, Depth.EXECUTE, execute_share),
        (Lane.COST, Depth.REQUEST, budget.execute_share + budget.request_share - execute_share),
        (Lane.LOAD, Depth.REQUEST, 1 - budget.execute_share - budget.request_share),
    )
    looks = _looks(budget.looks, replicas)
    return tuple(Segment(lane, depth, budget.measure_s * share, looks) for lane, depth, share in shares if share > 1e-9)


def lengthened(segments: Sequence[Segment], spare_s: float, most_looks: int, replicas: int) -> tuple[Segment, ...]:
    """Share out among segments, in proportion to their times, what those before them have left of theirs.

    Looks stay about as far apart in seconds as they were, up to so many. What a segment itself decides has no part in
    how long it may take: how many looks there are, and when, is known before the first of them.
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
    """Read the scenario's trace, if it has one; UsageError when it is none, or too short to say how long a turn is."""
    if load.trace is None:
        return ()
    trace_s = read_trace(Path(load.trace), load.speed)
    if load.turn_s is None and trace_s[-1] <= 0:
        raise UsageError(f"{load.trace}: all its timestamps are the same", "set the length of a turn with load.turn_s")
    return trace_s


def _turn_s(load: Load, trace_s: Sequence[float], load_s: float, visits: int) -> float:
    """Return how long a turn is: as given, as its trace, or so that one or two of each replica fill the time.

    Two, unless they were shorter than half a second, a quarter in a closed loop.

    The time is used up either way: a rest that is too short for another round would leave objectives without requests.
    """
    if load.turn_s is not None:
        return load.turn_s
    if trace_s:
        return length_s(trace_s)
    low, high = _CLOSED_TURN_S if load.arrivals == "closed" else _TURN_S
    turns = 2 if load_s / (2 * visits) >= low else 1
    return min(max(load_s / (turns * visits), low), high)


def make_plan(  # noqa: PLR0913 - what a run is laid out by
    scenario: Scenario,
    arms: Sequence[Arm],
    seed: int,
    replicas: int,
    *,
    executes: bool = True,
    at_once: int = 1,
    trace_s: tuple[float, ...] | None = None,
) -> Plan:
    """Lay out a run of so many replicas an arm; `executes`: whether they can time executions themselves.

    `at_once`: servers that can be started side by side. `trace_s`: the scenario's trace where it is read already.
    """
    budget, load = scenario.budget, scenario.load
    slots = start_order(arms, replicas, min(budget.parents, replicas), seed)
    segments = _segments(budget, replicas, executes=executes)
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
