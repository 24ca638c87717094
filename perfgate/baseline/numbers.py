"""The stored numbers of a baseline: which records count, whether they compare here, and what days differ by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, log, nan
from typing import Any

from perfgate.baseline.calibration import Calibration
from perfgate.baseline.fingerprint import then_and_now
from perfgate.baseline.record import Record
from perfgate.metrics import METRICS, Metric, Scale
from perfgate.stats.days import Series, count_days
from perfgate.stats.prediction import (
    Occasion,
    StoredMetric,
    StoredNumbers,
    occasion_spread,
    prior_spread,
    series_of,
)
from perfgate.trials import Caution

OCCASION_GAP_S = 3600.0
"""Records that follow one another more closely are of one occasion, and the newest of them counts. Occasions of one day
count as one for what days differ by (perfgate.stats.days)."""
MOST_RECORDS = 50
"""Newest of a name that are looked at."""


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """Where the numbers of a stored baseline come from."""

    records: tuple[str, ...]
    """`NAME/ID` of those that the numbers are the mean of, the newest first; none where they do not compare here."""
    recorded_utc: str
    """When the newest of them was recorded."""
    model_given: str
    """Model of the baseline, as it was named when it was recorded."""
    model_digest: str
    """Digest of its files."""
    size_mb: float
    """Size of its files, MiB."""
    days: int = 0
    """On how many days they were recorded; 0: not known."""


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """A baseline that is not measured again."""

    facts: StoredFacts
    numbers: StoredNumbers
    payload_digest: str
    newest: Record
    """Of those that the numbers are the mean of; where none compares, the one that was asked for."""
    cautions: tuple[Caution, ...] = ()


def stored_baseline(  # noqa: PLR0913 - all that numbers depend on
    record: Record,
    others: Iterable[Record],
    *,
    environment: Mapping[str, Any],
    fingerprint: str,
    calibrations: Sequence[Calibration],
    again: str,
    keep: str,
) -> StoredBaseline:
    """Take a record's numbers, and those of the same model, scenario and fingerprint among the others of its name.

    What days differ by is estimated from all models that the name has had, and from the calibrations of this scenario
    and fingerprint. Where these numbers are not enough, `again` is the command that records more and `keep` says how
    the model is measured again.
    """
    here = [
        each
        for each in {each.id: each for each in (*others, record)}.values()
        if (each.scenario_digest, each.fingerprint) == (record.scenario_digest, fingerprint)
    ]
    models = {digest: _occasions(each for each in here if each.model.digest == digest) for digest in _digests(here)}
    mine = models.get(record.model.digest, ())
    newest, size_mb = mine[0] if mine else record, record.model.size_bytes / 2**20
    names = tuple(f"{each.name}/{each.id}" for each in mine)
    numbers = StoredNumbers(
        metrics={metric.name: found for metric in METRICS if (found := _metric(metric, mine, models, calibrations))},
        size_mb=size_mb,
        servers=frozenset(each.servers for each in mine),
        refusal="" if mine else _environment_differs(record, environment),
        remedy=f"record it here too with `{again}`, or {keep}",
    )
    message = "compared with stored numbers, not side by side: large changes show, small ones do not"
    remedy = f"{keep}; or record it on other days too, with `{again}`"
    return StoredBaseline(
        StoredFacts(names, newest.created_utc, record.model.given, record.model.digest, size_mb, _days(mine)),
        numbers,
        newest.payload_digest,
        newest,
        (Caution("stored numbers", message, remedy),) if mine else (),
    )


def unlike(stored: StoredBaseline, payload_digest: str, servers: int) -> Iterator[Caution]:
    """Tell what the run has not in common with the records, though their numbers are compared."""
    if stored.numbers.refusal:
        return
    if payload_digest != stored.payload_digest:
        message = "the stored baseline was asked other requests: the models' inputs differ"
        yield Caution("other requests", message, "keep the baseline's model, so that both are measured side by side")
    if stored.numbers.servers - {0, servers}:
        then = " and ".join(str(number) for number in sorted(stored.numbers.servers) if number)
        message = (
            f"{then} servers were alive when the baseline was recorded, {servers} now: caches may be fuller or emptier"
        )
        yield Caution("servers alive", message, "record it by itself, rather than promote a run of two arms")


def _environment_differs(record: Record, environment: Mapping[str, Any]) -> str:
    what = then_and_now(record.environment, environment) or "the server's settings"
    return f"environment differs from that of {record.name}/{record.id} ({what}), and stored numbers do not compare"


def _digests(records: Iterable[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.model.digest for record in records))


def _occasions(records: Iterable[Record]) -> tuple[Record, ...]:
    """Leave out what is of the same occasion as a newer record; the newest first."""
    kept: list[Record] = []
    for record in sorted(records, key=_created, reverse=True):
        apart = not kept or (_created(kept[-1]) - _created(record)).total_seconds() >= OCCASION_GAP_S
        if apart and record.run_id not in {each.run_id for each in kept}:  # one run may be promoted twice
            kept.append(record)
    return tuple(kept)


def _created(record: Record) -> datetime:
    return datetime.fromisoformat(record.created_utc).astimezone()


def _days(records: Sequence[Record]) -> int:
    return count_days([_hours(each.created_utc) for each in records])


def _hours(created_utc: str) -> float:
    return datetime.fromisoformat(created_utc).astimezone().timestamp() / 3600


def _metric(
    metric: Metric,
    mine: Sequence[Record],
    models: Mapping[str, Sequence[Record]],
    calibrations: Sequence[Calibration],
) -> StoredMetric | None:
    if not mine or (found := mine[0].metrics.get(metric.name)) is None or found.typical is None:
        return None
    way = found.typical.source, found.typical.state
    occasions = {digest: tuple(_like(metric, records, way)) for digest, records in models.items()}
    if not (own := occasions.pop(mine[0].model.digest)):
        return None
    others = [series_of(each) for each in occasions.values()]
    others += calibrated_levels(metric, calibrations, found.typical.source)
    return StoredMetric(own, occasion_spread(own, others, prior_spread(metric)), *way)


def calibrated_levels(metric: Metric, calibrations: Iterable[Calibration], source: str) -> tuple[Series, ...]:
    """Give what calibrations found a metric's level to be over time, for each model; those of that source only.

    Runs of one calibration follow one another within minutes: they are one occasion.
    """
    levels: dict[str, dict[float, float]] = defaultdict(dict)
    for each in calibrations:
        found = next((ran for ran in each.components if (ran.metric, ran.source) == (metric.name, source)), None)
        if found is not None and isfinite(place := _on_scale(metric, found.typical)):
            levels[each.model_digest][_hours(each.created_utc)] = place
    return tuple(Series(tuple(times), tuple(times.values())) for times in levels.values())


def _on_scale(metric: Metric, value: float) -> float:
    if metric.scale is not Scale.RATIO:
        return value
    return log(value) if value > 0 else nan


def _like(metric: Metric, records: Iterable[Record], way: tuple[str, str]) -> Iterator[Occasion]:
    """Give the values of the records in which the metric was measured that way."""
    for record in records:
        found = record.metrics.get(metric.name)
        if found is None or found.typical is None or (found.typical.source, found.typical.state) != way:
            continue
        if occasion := Occasion.of(metric, found.typical.replicas, _hours(record.created_utc)):
            yield occasion
