"""The candidates of two runs as the two arms of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from perfgate.stats.table import ARMS, Columns, TrialTable
from perfgate.trials import Arm

_OF_REQUESTS = ("service_ms", "response_ms", "status")


def side_by_side(baseline_run: TrialTable, candidate_run: TrialTable) -> TrialTable:
    """Take the candidate of each run, the first one's as the baseline.

    The runs are two occasions: intervals of this table do not include the difference between occasions
    (docs/explanation/method.md). They have no common fork server, and the n-th blocks of both become one block.
    """
    old, new = candidate_of(baseline_run), candidate_of(candidate_run)
    arms = np.full_like(old.columns.arm, ARMS.index(Arm.BASELINE))
    beyond = 1 + max((fact.parent for fact in old.replicas), default=-1)
    sizes_mb = {Arm.BASELINE: old.sizes_mb.get(Arm.CANDIDATE), Arm.CANDIDATE: new.sizes_mb.get(Arm.CANDIDATE)}
    return TrialTable(
        Columns.joined([replace(old.columns, arm=arms), new.columns]),
        (
            *(replace(fact, arm=Arm.BASELINE) for fact in old.replicas),
            *(replace(fact, parent=fact.parent + beyond) for fact in new.replicas),
        ),
        {arm: size for arm, size in sizes_mb.items() if size is not None},
        new.shares,
    )


def pooled(runs: Sequence[TrialTable]) -> TrialTable:
    """Take the candidates of several runs as those of one: servers of different runs stay different servers."""
    tables, columns, facts, first = [candidate_of(run) for run in runs], [], [], 0
    for table in tables:
        columns.append(replace(table.columns, replica=table.columns.replica + first))
        facts += [replace(fact, replica=fact.replica + first) for fact in table.replicas]
        first += 1 + max((fact.replica for fact in table.replicas), default=0)
    sizes_mb, shares = (tables[0].sizes_mb, tables[0].shares) if tables else ({}, ())
    return TrialTable(Columns.joined(columns), tuple(facts), sizes_mb, shares)


def swapped(run: TrialTable) -> TrialTable:
    """Return the table with the arms exchanged."""
    other = {Arm.BASELINE: Arm.CANDIDATE, Arm.CANDIDATE: Arm.BASELINE}
    columns = replace(run.columns, arm=len(ARMS) - 1 - run.columns.arm)
    facts = tuple(replace(fact, arm=other[fact.arm]) for fact in run.replicas)
    return TrialTable(columns, facts, {other[arm]: size for arm, size in run.sizes_mb.items()}, run.shares)


def candidate_of(run: TrialTable) -> TrialTable:
    """Return the table with only the candidate."""
    rows = run.columns.arm == ARMS.index(Arm.CANDIDATE)
    asked = np.repeat(rows, run.columns.requests)
    columns = Columns(
        **{f.name: getattr(run.columns, f.name)[asked if f.name in _OF_REQUESTS else rows] for f in fields(Columns)}
    )
    facts = tuple(fact for fact in run.replicas if fact.arm is Arm.CANDIDATE)
    sizes_mb: dict[Arm, float] = {arm: size for arm, size in run.sizes_mb.items() if arm is Arm.CANDIDATE}
    return TrialTable(columns, facts, sizes_mb, run.shares)
