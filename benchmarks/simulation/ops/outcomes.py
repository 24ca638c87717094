"""What perfgate makes of one simulated run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log1p

import numpy as np

from benchmarks.simulation.ops.models import EXECUTE_MS, Pair, truths
from benchmarks.simulation.ops.worlds import World, level, simulated
from perfgate.experiment.tracing import TracedVisit
from perfgate.explain.attribution import attribute
from perfgate.explain.evidence import Evidence
from perfgate.explain.explanation import Attribution, ChangeKind
from perfgate.explain.graph_causes import graph_causes
from perfgate.explain.other_causes import other_causes
from perfgate.explain.replicas import ALPHA, differences, holm, per_replica
from perfgate.explain.traces import Traced
from perfgate.gate.decide import decide
from perfgate.gate.judge import cases_of
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.pipeline.ops import block_of
from perfgate.scenario.schema import Gate
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Conditions, ReplicaFacts, Trial

METRIC = BY_NAME["changed_ops_ms"]
_CALM = Conditions(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Attributed:
    """What the intervals of an explanation cover; by part."""

    covered: dict[str, bool]
    halves_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Explained:
    """What an explanation names."""

    same_named: bool
    """Whether an operation that is alike is named as significant."""
    same_differs: bool
    """The same by the error control over operations alone, without the least size."""
    sure: frozenset[str]
    """Causes whose time differs, by code."""
    new_named: bool
    """Whether every operation that was added is significant."""


def attributed(world: World, pair: Pair, seed: tuple[int, ...]) -> Attributed:
    """Attribute one run's change."""
    found = attribute(simulated(world, pair, np.random.default_rng(seed)), 1.0)
    true = {name: ms * level(world) for name, ms in truths(pair, world.requests).items()}
    intervals = {**{part.name: part.change_ms for part in found.parts}, "sum": found.change_ms}
    return Attributed(
        covered={name: each.low <= true[name] <= each.high for name, each in intervals.items()},
        halves_ms={name: (each.high - each.low) / 2 for name, each in intervals.items()},
    )


def explained(world: World, pair: Pair, seed: tuple[int, ...]) -> Explained:
    """Explain one run."""
    traced = simulated(world, pair, np.random.default_rng(seed))
    found = attribute(traced, 1.0)
    new = [op for op in found.ops if op.kind is ChangeKind.ADDED]
    return Explained(
        same_named=any(op.significant for op in found.ops if op.kind is ChangeKind.SAME),
        same_differs=_differs(traced),
        sure=_causes(traced, found),
        new_named=all(op.significant for op in new),
    )


def _differs(traced: Traced) -> bool:
    found = differences(*per_replica(traced.unit_ms, traced))
    tested = found.means.max(axis=0) > 0
    return bool((holm(found.p_values()[tested], ALPHA) & ~traced.compared.differs[tested]).any())


def _causes(traced: Traced, found: Attribution) -> frozenset[str]:
    in_graph = graph_causes(traced, {}, found.execute_ms[0])
    others = other_causes(Evidence({}, traced=traced), found)
    sure = [cause.code for cause, weight in in_graph if weight]
    return frozenset((*sure, *(cause.code for cause, _ in others)))


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gate on `changed_ops_ms` says, against the truth."""

    verdict: Verdict
    lower_holds: bool
    upper_holds: bool
    half: float
    """Of the one-sided bounds at 99 %, as a share."""


def gated(world: World, pair: Pair, seed: tuple[int, ...]) -> Gated:
    """Judge one run by the default gate."""
    table = judged_table(world, simulated(world, pair, np.random.default_rng(seed)))
    (case,) = cases_of([METRIC], table, Gate(), (), cross_check=False)
    found = decide([case], Gate().alpha)[0]
    true = log1p(truth(pair, world.requests))
    half = (log1p(found.effect.upper) - log1p(found.effect.lower)) / 2
    return Gated(found.verdict, log1p(found.effect.lower) <= true, true <= log1p(found.effect.upper), half)


def truth(pair: Pair, requests: int) -> float:
    """Return the true change of the metric, of 2 ms."""
    return sum(truths(pair, requests)[kind] for kind in ("added", "removed", "changed")) / EXECUTE_MS


def judged_table(world: World, traced: Traced) -> TrialTable:
    """Make the blocks that the run would have recorded."""
    size = 2 * world.replicas
    trials: list[Trial] = []
    for index in range(world.rounds):
        rows = slice(index * size, (index + 1) * size)
        visits = [_visit(traced, row) for row in range(rows.start, rows.stop)]
        trials += block_of(index, visits, list(traced.unit_ms[rows]), traced.compared, _CALM).trials
    return TrialTable.of(trials, _facts(world), shares=(1 / world.requests,) * world.requests)


def _visit(traced: Traced, row: int) -> TracedVisit:
    arm = Arm.CANDIDATE if traced.arm[row] else Arm.BASELINE
    own_ms = float(traced.own_ms[row])
    return TracedVisit(
        arm, int(traced.replica[row]), int(traced.request[row]), row / 1e3, own_ms, own_ms,
        float(traced.traced_ms[row]), b"",
    )  # fmt: skip


def _facts(world: World) -> tuple[ReplicaFacts, ...]:
    """Return where each replica is in the order of starts: one fork server."""
    one = ReplicaFacts(0, Arm.BASELINE, 0, 0, 100, 0.5, 20.0, 10, 0.1, warm=True)
    arms = tuple(Arm)
    return tuple(
        replace(one, replica=number, arm=arms[number % 2], start_position=number)
        for number in range(2 * world.replicas)
    )
