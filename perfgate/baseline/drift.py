"""Drift of the machine since a baseline was recorded: reported with the verdict, but not part of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perfgate.baseline.fingerprint import then_and_now
from perfgate.baseline.record import Record
from perfgate.cautions import CautionKind
from perfgate.formatting import change, number, quantity
from perfgate.stats.summary import ArmSummary
from perfgate.trials import Arm, Caution

_REPORTED = ("execute_ms", "service_mean_ms")
"""The first of these metrics that both have is reported."""


def moved(record: Record, summaries: Iterable[ArmSummary], environment: Mapping[str, Any]) -> tuple[Caution, ...]:
    """Compare the stored model's numbers then and now, and the environments if they differ."""
    here = {each.metric: each.value for each in summaries if each.arm == Arm.BASELINE}
    return (*_environment(record, environment), *_numbers(record, here))


def _environment(record: Record, environment: Mapping[str, Any]) -> tuple[Caution, ...]:
    if not (what := then_and_now(record.environment, environment)):
        return ()
    return (CautionKind.ENVIRONMENT.caution(differences=what),)


def _numbers(record: Record, here: Mapping[str, float | None]) -> tuple[Caution, ...]:
    for name in _REPORTED:
        then, now = record.metrics[name].value if name in record.metrics else None, here.get(name)
        if then and now:
            caution = CautionKind.SINCE_THE_RECORD.caution(
                date=record.created_utc[:10],
                metric=name,
                change=change(now / then - 1),
                then=number(then),
                now=quantity(now, name),
            )
            return (caution,)
    return ()
