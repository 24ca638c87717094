"""A recorded run of equal models with injected changes: which servers are the candidate, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from perfgate.metrics import Source
from perfgate.stats.table import ARMS, SOURCES, Columns, TrialTable
from perfgate.trials import Arm, ReplicaFacts
from tests.stats.traces import trace


def reassigned(facts: tuple[ReplicaFacts, ...], rng: np.random.Generator) -> dict[int, Arm]:
    """Draw the arms by replica: they are reassigned among the replicas of each fork server, in the same numbers."""
    dealt: dict[int, Arm] = {}
    for parent in sorted({fact.parent for fact in facts}):
        mine = [fact for fact in facts if fact.parent == parent]
        order = rng.permutation(len(mine)).tolist()
        dealt |= {fact.replica: mine[place].arm for fact, place in zip(mine, order, strict=True)}
    return dealt


def relabelled(table: TrialTable, rng: np.random.Generator) -> TrialTable:
    """Choose the candidate at random: with equal models each assignment is as valid as the recorded one."""
    arms = reassigned(table.replicas, rng)
    facts = tuple(replace(fact, arm=arms[fact.replica]) for fact in table.replicas)
    arm_of = np.zeros(1 + max(arms), np.int64)
    for replica, arm in arms.items():
        arm_of[replica] = ARMS.index(arm)
    return replace(table, columns=replace(table.columns, arm=arm_of[table.columns.replica]), replicas=facts)


def dealt(names: Sequence[str], deals: int, seed: int) -> Iterator[TrialTable]:
    """Relabel the traces in turn, about that many times in total, so that more traces take no more time."""
    rng = np.random.default_rng(seed)
    for _ in range(deals // len(names)):
        for name in names:
            yield relabelled(trace(name).table, rng)


def slowed(table: TrialTable, change: float) -> TrialTable:
    """Make all times of the candidate longer by a share."""
    columns = table.columns
    trials = np.where(_of_candidate(columns), 1 + change, 1.0)
    requests = np.repeat(trials, columns.requests)
    slower = replace(
        columns,
        cpu_ms=columns.cpu_ms * trials,
        service_ms=columns.service_ms * requests,
        response_ms=columns.response_ms * requests,
    )
    return replace(table, columns=slower)


def with_longer_tail(table: TrialTable, share: float, times: float, rng: np.random.Generator) -> TrialTable:
    """Make a share of the candidate's requests under load take that many times as long."""
    columns = table.columns
    loaded = _of_candidate(columns) & (columns.source == SOURCES.index(Source.LOAD))
    hit = np.repeat(loaded, columns.requests) & (rng.random(columns.service_ms.size) < share)
    factor = np.where(hit, times, 1.0)
    longer = replace(columns, service_ms=columns.service_ms * factor, response_ms=columns.response_ms * factor)
    return replace(table, columns=longer)


def _of_candidate(columns: Columns) -> np.ndarray:
    return np.asarray(columns.arm == ARMS.index(Arm.CANDIDATE))
