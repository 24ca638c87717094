"""The stored numbers of a baseline: which records count, whether they are comparable here, and how much days differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfgate.baseline.calibration import Calibration
from perfgate.baseline.fingerprint import then_and_now
from perfgate.baseline.levels import calibrated_levels, hours_of, occasions_of
from perfgate.baseline.record import Record
from perfgate.cautions import CautionKind
from perfgate.metrics import METRICS, Metric
from perfgate.stats.days import count_days
from perfgate.stats.prediction import (
    Occasion,
    StoredMetric,
    StoredNumbers,
    occasion_spread,
    prior_spread,
    series_of,
)
from perfgate.trials import Caution

MOST_RECORDS = 50
"""Most records of a name that are read, newest first."""


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """Source of the numbers of a stored baseline."""

    records: tuple[str, ...]
    """`NAME/ID` of the records whose mean the numbers are, newest first; empty if they are not comparable here."""
    recorded_utc: str
    """When the newest of these records was made."""
    model_given: str
    """Model of the baseline, as given when it was recorded."""
    model_digest: str
    """Digest of its files."""
    size_mb: float
    """Size of its files, MiB."""
    days: int = 0
    """Number of days on which they were recorded; 0: not known."""


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """A baseline that is compared by its stored numbers."""

    facts: StoredFacts
    numbers: StoredNumbers
    payload_digest: str
    newest: Record
    """The newest of the records whose mean the numbers are; if none is comparable, the requested one."""
    requested: Record
    """The newest record of the name for the scenario, whatever environment it is from."""
    cautions: tuple[Caution, ...] = ()


def stored_baseline(  # noqa: PLR0913 - everything that determines the numbers
    record: Record,
    others: Iterable[Record],
    *,
    environment: Mapping[str, Any],
    fingerprint: str,
    calibrations: Sequence[Calibration],
    again: str,
    keep: str,
) -> StoredBaseline:
    """Take a record's numbers, and those of other records of its name with the same model, scenario and fingerprint.

    The difference between days is estimated from all models of that name, and from the calibrations of this scenario
    and fingerprint. If these numbers are not enough, `again` is the command that records more, and `keep` describes how
    to measure the model again.
    """
    here = [
        each
        for each in {each.id: each for each in (*others, record)}.values()
        if (each.scenario_digest, each.fingerprint) == (record.scenario_digest, fingerprint)
    ]
    models = {digest: occasions_of(each for each in here if each.model.digest == digest) for digest in _digests(here)}
    mine = models.get(record.model.digest, ())
    newest, size_mb = mine[0] if mine else record, record.model.size_bytes / 2**20
    names = tuple(each.place for each in mine)
    numbers = StoredNumbers(
        metrics={metric.name: found for metric in METRICS if (found := _metric(metric, mine, models, calibrations))},
        size_mb=size_mb,
        servers=frozenset(each.servers for each in mine),
        refusal="" if mine else _environment_differs(record, environment),
        remedy=f"record it here too with `{again}`, or {keep}",
    )
    return StoredBaseline(
        StoredFacts(names, newest.created_utc, record.model.given, record.model.digest, size_mb, _days(mine)),
        numbers,
        newest.payload_digest,
        newest,
        record,
        (CautionKind.STORED_NUMBERS.caution(keep=keep, again=again),) if mine else (),
    )


def unlike(stored: StoredBaseline, payload_digest: str, servers: int) -> Iterator[Caution]:
    """Return the differences between the run and the records that do not prevent comparing their numbers."""
    if stored.numbers.refusal:
        return
    if payload_digest != stored.payload_digest:
        yield CautionKind.OTHER_REQUESTS.caution()
    if stored.numbers.servers - {0, servers}:
        then = " and ".join(str(number) for number in sorted(stored.numbers.servers) if number)
        yield CautionKind.SERVERS_ALIVE.caution(then=then, now=servers)


def _environment_differs(record: Record, environment: Mapping[str, Any]) -> str:
    what = then_and_now(record.environment, environment) or "the server's settings"
    return f"the environment differs from that of {record.place} ({what}), so stored numbers are not comparable"


def _digests(records: Iterable[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.model.digest for record in records))


def _days(records: Sequence[Record]) -> int:
    return count_days([hours_of(each.created_utc) for each in records])


def _metric(
    metric: Metric,
    mine: Sequence[Record],
    models: Mapping[str, Sequence[Record]],
    calibrations: Sequence[Calibration],
) -> StoredMetric | None:
    if not mine or (found := mine[0].metrics.get(metric.name)) is None or found.typical is None:
        return None
    way = found.typical.source, found.typical.state, found.typical.method
    occasions = {digest: tuple(_like(metric, records, way)) for digest, records in models.items()}
    if not (own := occasions.pop(mine[0].model.digest)):
        return None
    others = [series_of(each) for each in occasions.values()]
    others += calibrated_levels(metric, calibrations, found.typical.source, found.typical.method)
    return StoredMetric(own, occasion_spread(own, others, prior_spread(metric)), *way)


def _like(metric: Metric, records: Iterable[Record], way: tuple[str, str, int]) -> Iterator[Occasion]:
    """Return the values of the records in which the metric was measured in that way."""
    for record in records:
        found = record.metrics.get(metric.name)
        typical = None if found is None else found.typical
        if typical is None or (typical.source, typical.state, typical.method) != way:
            continue
        if occasion := Occasion.of(metric, typical.replicas, hours_of(record.created_utc)):
            yield occasion
