"""A metric's level on each occasion in a store, from records and calibrations, to estimate how much days differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from math import isfinite, log, nan

from perfgate.baseline.calibration import Calibration
from perfgate.baseline.record import Record
from perfgate.metrics import Metric, Scale
from perfgate.stats.days import DaySeries
from perfgate.stats.prediction import Occasion, series_of
from perfgate.stats.summary import METHOD

OCCASION_GAP_S = 3600.0
"""Records less than this apart belong to one occasion, of which the newest counts. Occasions of one day count as one
when days are compared (perfgate.stats.days).
"""


def occasions_of(records: Iterable[Record]) -> tuple[Record, ...]:
    """Return one record an occasion, the newest of each, newest first."""
    kept: list[Record] = []
    for record in sorted(records, key=_created, reverse=True):
        apart = not kept or (_created(kept[-1]) - _created(record)).total_seconds() >= OCCASION_GAP_S
        if apart and record.run_id not in {each.run_id for each in kept}:  # a run may be promoted twice
            kept.append(record)
    return tuple(kept)


def calibrated_levels(
    metric: Metric, calibrations: Iterable[Calibration], source: str, method: int = METHOD
) -> tuple[DaySeries, ...]:
    """Return a metric's levels over time from calibrations, for each model, with that source and method only.

    Runs of one calibration are minutes apart: they are one occasion.
    """
    levels: dict[str, dict[float, float]] = defaultdict(dict)
    for each in calibrations:
        way = metric.name, source, method
        found = next((ran for ran in each.components if (ran.metric, ran.source, ran.method) == way), None)
        if found is not None and isfinite(place := _on_scale(metric, found.typical)):
            levels[each.model_digest][hours_of(each.created_utc)] = place
    return tuple(DaySeries(tuple(times), tuple(times.values())) for times in levels.values())


def recorded_levels(metric: Metric, records: Iterable[Record], source: str) -> tuple[DaySeries, ...]:
    """Return a metric's levels over time from records, for each model, with that source and the current method."""
    models: dict[str, list[Record]] = defaultdict(list)
    for each in records:
        models[each.model.digest].append(each)
    found = ([_occasion(metric, each, source) for each in occasions_of(model)] for model in models.values())
    known = ([each for each in model if each is not None] for model in found)
    return tuple(series_of(model) for model in known if model)


def _occasion(metric: Metric, record: Record, source: str) -> Occasion | None:
    found = record.metrics.get(metric.name)
    typical = None if found is None else found.typical
    if typical is None or (typical.source, typical.method) != (source, METHOD):
        return None
    return Occasion.of(metric, typical.replicas, hours_of(record.created_utc))


def hours_of(created_utc: str) -> float:
    """Convert an instant to hours since 1970."""
    return datetime.fromisoformat(created_utc).astimezone().timestamp() / 3600


def _created(record: Record) -> datetime:
    return datetime.fromisoformat(record.created_utc).astimezone()


def _on_scale(metric: Metric, value: float) -> float:
    if metric.scale is not Scale.RATIO:
        return value
    return log(value) if value > 0 else nan
