"""When a run cannot be judged at all, whatever its numbers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from perfgate import formatting
from perfgate.scenario.schema import Objective
from perfgate.stats.per_trial import Mask, failures, rows_of
from perfgate.stats.table import ARMS, SOURCES, Columns, TrialTable
from perfgate.trials import Arm, status_name

_MOST_NAMED = 3
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
                words = f"{arm}: {formatting.share(share)} of {requests:,} requests failed"
                reasons.append(f"{words} with {_statuses(columns, rows)} ({source}; limit {formatting.share(limit)})")
    return tuple(reasons)


def _statuses(columns: Columns, rows: Mask) -> str:
    """Name the statuses of failed requests, the commonest first."""
    status = columns.status[np.repeat(rows, columns.requests)]
    counts = Counter(status[status != 0].tolist())
    return ", ".join(status_name(each) for each, _ in counts.most_common(_MOST_NAMED))
