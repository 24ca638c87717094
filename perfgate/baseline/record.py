"""A baseline record: the measurements of one model under one scenario, and where the model itself is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from perfgate.baseline.plain_json import first_line, to_text
from perfgate.errors import UsageError
from perfgate.stats.summary import ArmSummary, Typical

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredModel:
    """The model that was measured."""

    given: str
    """As the user named it."""
    digest: str
    """`sha256:…` over the model's files."""
    size_bytes: int
    artifact: str | None = None
    """`artifacts/<hex>` inside the store, or a path or URI outside it; None: only the numbers are kept."""


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of the model, in the metric's unit."""

    value: float | None
    """None if the sample cannot support the number; `note` says why."""
    replicas: tuple[float | None, ...] = ()
    """One number a replica."""
    note: str = ""
    typical: Typical | None = None
    """Values for comparisons with stored numbers; None if the gate has no number for each replica."""


@dataclass(frozen=True, slots=True)
class Record:
    """One stored result."""

    name: str
    created_utc: str
    """ISO 8601 with time zone: when it was recorded or promoted."""
    scenario_name: str
    scenario_digest: str
    payload_digest: str
    model: StoredModel
    fingerprint: str
    """Numbers are comparable only if it is equal (perfgate.baseline.fingerprint)."""
    environment: dict[str, Any]
    metrics: dict[str, MetricSummary]
    """By metric name."""
    seed: int
    perfgate_version: str
    run_id: str
    note: str = ""
    servers: int = 0
    """Servers that were alive during the measurement, including the other arm's; 0: unknown."""
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def id(self) -> str:
        """Identify the record within its name; the ids of a name sort by time."""
        identity = (self.name, self.created_utc, self.run_id, self.scenario_digest, self.model.digest, self.seed)
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12]
        created = datetime.fromisoformat(self.created_utc).astimezone(UTC)
        return f"{created:%Y%m%dT%H%M%S}.{created.microsecond // 1000:03d}Z-{digest}"

    @property
    def place(self) -> str:
        """Identify the record within its store: `NAME/ID`."""
        return f"{self.name}/{self.id}"


_ADAPTER = TypeAdapter(Record)


def metric_summaries(summaries: Iterable[ArmSummary], arm: str) -> dict[str, MetricSummary]:
    """Return one arm's summaries of a run."""
    return {s.metric: MetricSummary(s.value, s.replicas, s.note, s.typical) for s in summaries if s.arm == arm}


def to_json(record: Record) -> str:
    """Write a record in a form that diffs well: sorted keys, 6 significant digits, null for NaN."""
    return to_text(_ADAPTER.dump_python(record))


def from_json(text: str, source: str) -> Record:
    """Read a record; `source` names it in the UsageError for text that is not a record of this schema version."""
    try:
        data = json.loads(text)
        if isinstance(data, dict) and (version := data.get("schema_version")) != SCHEMA_VERSION:
            raise UsageError(
                f"{source}: a record of schema version {version}, this perfgate reads {SCHEMA_VERSION}",
                "use the perfgate that wrote it, or record the baseline again",
            )
        record = _ADAPTER.validate_python(data)
        record.id  # noqa: B018 - an invalid created_utc is found here, not later
    except (ValueError, ValidationError) as error:
        raise UsageError(f"{source}: invalid baseline record: {first_line(error)}", _REPAIR) from error
    return record


_REPAIR = "restore the file from version control or a backup, or remove it with `perfgate baseline rm NAME --id ID`"
