"""A plan's promises compared with what the trained model shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite, nan

import numpy as np

from perfgate.capacity.answer import CapacityAnswer
from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus, Promise
from perfgate.planning.check import CheckedPromise, TrackRecord
from perfgate.planning.evaluation import together
from perfgate.planning.promises import Shown, shown
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm

_VERDICTS = {
    ObjectiveStatus.HOLDS: Verdict.PASS,
    ObjectiveStatus.BREAKS: Verdict.FAIL,
    ObjectiveStatus.OPEN: Verdict.INCONCLUSIVE,
}


def measured_of(
    promises: Sequence[Promise], table: TrialTable, capacity: CapacityAnswer | None, arm: Arm
) -> dict[str, Shown]:
    """Return what the table's candidate shows of each promised metric; its capacity is that of `arm`."""
    found = {each.metric: shown(each.metric, table, capacity, arm) for each in promises}
    return {name: each for name, each in found.items() if each is not None}


def checked(
    promises: Sequence[Promise], trained: Mapping[str, Shown], untrained: Mapping[str, Shown]
) -> tuple[CheckedPromise, ...]:
    """Compare each promise; where the untrained model was measured again, at today's speed of the machine."""
    return tuple(_checked(promises, trained, untrained))


def _checked(
    promises: Sequence[Promise], trained: Mapping[str, Shown], untrained: Mapping[str, Shown]
) -> Iterator[CheckedPromise]:
    for promise in promises:
        again = untrained.get(promise.metric)
        speed = again[0] / promise.value if again else 1.0
        promised, low, high = (speed * each for each in (promise.value, promise.lower, promise.upper))
        value, lower, upper = trained.get(promise.metric, (nan, nan, nan))
        yield CheckedPromise(
            metric=promise.metric,
            promised=promised,
            promised_lower=low,
            promised_upper=high,
            measured=value,
            measured_lower=lower,
            measured_upper=upper,
            covered=low <= value <= high,
            error=value / promised - 1,
            same_speed=again is not None,
            speed=speed,
        )


def verdict_of(objectives: Iterable[ObjectiveAnswer]) -> Verdict:
    """Return the verdict on objectives alone; those that only warn do not count, and without any it is invalid."""
    counted = [each.status for each in objectives if not each.warns]
    return _VERDICTS[together(counted)] if counted else Verdict.INVALID


def record_of(checks: Sequence[Sequence[CheckedPromise]]) -> TrackRecord:
    """Add up the promises of several checks."""
    known = [each for check in checks for each in check if isfinite(each.measured)]
    sizes = np.abs([each.error for each in known])
    p50, p90 = (float(np.quantile(sizes, q)) if known else nan for q in (0.5, 0.9))
    return TrackRecord(len(checks), len(known), sum(each.covered for each in known), p50, p90)
