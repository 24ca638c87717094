"""The plan of a run, fixed before anything is measured and written into the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from perfgate.scenario.schema import Budget, Load, Scenario
from perfgate.trials import Arm, Depth, Lane

_REPLICA_MIB = 150.0
_MODEL_COPIES = 4.0
"""A served model's memory over its size on disk: variables, the graph, and room for its tensors."""
_PARENT_MIB = 500.0
_MEMORY_SHARE = 0.7
_SLICE_S = (0.5, 2.0)
"""Shorter ones would hide a growing queue; longer ones would alternate the arms too seldom."""
_WARMUP_SHARE = 0.35


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


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was decided beforehand."""

    seed: int
    slots: tuple[Slot, ...]
    """In order of start."""
    segments: tuple[Segment, ...]
    load: Load
    slice_s: float
    """Length of one replica's turn in the load lane."""
    warmup_limit_s: float
    """Warm-up of one replica ends here even if its latency still falls."""

    def as_dict(self) -> dict[str, Any]:
        """Make it plain data for the result file."""
        plain = asdict(self) | {"load": self.load.model_dump(mode="json")}
        return plain | {"slots": [asdict(slot) for slot in self.slots], "segments": [asdict(s) for s in self.segments]}


def replicas_that_fit(wanted: int, arms: int, parents: int, available_mib: float, model_mib: float) -> int:
    """Replicas an arm for which memory suffices with a margin; at least 2."""
    each = _REPLICA_MIB + _MODEL_COPIES * model_mib
    room = _MEMORY_SHARE * available_mib - parents * _PARENT_MIB
    return max(2, min(wanted, int(room / each / arms)))


def start_order(arms: Sequence[Arm], replicas: int, parents: int) -> tuple[Slot, ...]:
    """Counterbalance who starts first: A B, B A, B A, A B … after Thue and Morse, and alternate the fork parents.

    Of two equal servers the one started second is 1.5 to 3 % faster (docs/method.md); in this order every prefix of
    a power of two is balanced against drifts of low polynomial degree.
    """
    slots: list[Slot] = []
    for pair in range(replicas):
        order = arms if pair.bit_count() % 2 == 0 else tuple(reversed(arms))
        for arm in order:
            position = len(slots)
            slots.append(Slot(replica=position, arm=arm, parent=pair % parents, start_position=position))
    return tuple(slots)


def _segments(budget: Budget) -> tuple[Segment, ...]:
    load_share = 1 - budget.execute_share - budget.request_share
    shares = (
        (Lane.COST, Depth.EXECUTE, budget.execute_share),
        (Lane.COST, Depth.REQUEST, budget.request_share),
        (Lane.LOAD, Depth.REQUEST, load_share),
    )
    return tuple(Segment(lane, depth, budget.measure_s * share) for lane, depth, share in shares if share > 1e-9)


def make_plan(scenario: Scenario, arms: Sequence[Arm], seed: int, replicas: int) -> Plan:
    """Lay out a run of so many replicas an arm; slices let the load lane visit each replica twice if they can."""
    budget = scenario.budget
    slots = start_order(arms, replicas, min(budget.parents, replicas))
    segments = _segments(budget)
    load_s = sum(segment.seconds for segment in segments if segment.lane is Lane.LOAD)
    low, high = _SLICE_S
    return Plan(
        seed=seed,
        slots=slots,
        segments=segments,
        load=scenario.load,
        slice_s=min(max(load_s / (2 * len(slots)), low), high),
        warmup_limit_s=_WARMUP_SHARE * budget.measure_s / len(slots),
    )
