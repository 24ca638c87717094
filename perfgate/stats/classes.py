"""The request classes of a scenario, each described separately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from perfgate.stats.summarise import percentile_to_show
from perfgate.stats.summary import ClassSummary
from perfgate.stats.table import ARMS, Floats, Ints
from perfgate.trials import Arm, Lane, Trial


def class_summaries(trials: Sequence[Trial], names: Sequence[str]) -> tuple[ClassSummary, ...]:
    """Describe each class under load; `names` by `Requests.kind`. Empty if there is only one class."""
    if len(names) < 2:
        return ()
    return tuple(summary for arm in ARMS for summary in _of_arm(arm, trials, names))


def _of_arm(arm: Arm, trials: Sequence[Trial], names: Sequence[str]) -> Iterator[ClassSummary]:
    mine = [trial.requests for trial in trials if trial.lane is Lane.LOAD and trial.arm is arm]
    if not mine:
        return
    kind = np.concatenate([np.zeros(r.status.size, np.int8) if r.kind is None else r.kind for r in mine])
    service, response, status = (
        np.concatenate([getattr(r, name) for r in mine]) for name in ("service_ms", "response_ms", "status")
    )
    for number, name in enumerate(names):
        of_class = kind == number
        if of_class.any():
            yield _summary(arm, name, service[of_class], response[of_class], status[of_class])


def _summary(arm: Arm, name: str, service_ms: Floats, response_ms: Floats, status: Ints) -> ClassSummary:
    p50, p90, p99 = (percentile_to_show(response_ms, share) for share in (0.5, 0.9, 0.99))
    failed = int(np.count_nonzero(status))
    return ClassSummary(arm, name, int(status.size), failed, float(service_ms.mean()), p50, p90, p99)
