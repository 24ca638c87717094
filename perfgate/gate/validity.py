"""When a run cannot be judged at all, whatever its numbers say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perfgate.scenario.schema import Objective
from perfgate.stats.table import ARMS, SOURCES, TrialTable
from perfgate.stats.values import failures, rows_of
from perfgate.trials import Arm

MOST_FAILED = 0.01
"""Share of failed requests above which times say nothing: what fails fast looks fast."""


def invalid_because(
    table: TrialTable, objectives: Mapping[str, Objective], arms: Sequence[Arm] = ARMS
) -> tuple[str, ...]:
    """Name each arm and source in which too many requests failed.

    The limit is 1 %, or the scenario's own objective on `error_rate` where that is more.
    """
    allowed = objectives.get("error_rate")
    limit = max(MOST_FAILED, allowed.max or 0.0 if allowed else 0.0)
    columns, failed = table.columns, failures(table.columns)
    reasons = []
    for source in SOURCES:
        for arm in arms:
            index = ARMS.index(arm)
            rows = rows_of(columns, source) & (columns.arm == index)
            requests = int(columns.requests[rows].sum())
            share = failed[rows].sum() / requests if requests else 0.0
            if share > limit:
                reasons.append(
                    f"{arm}: {100 * share:.1f}% of {requests:,} requests failed ({source}; limit {limit:.1%})"
                )
    return tuple(reasons)
