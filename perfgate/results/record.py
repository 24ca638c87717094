"""A baseline record made from a result."""

from __future__ import annotations

from datetime import datetime

from perfgate.baseline.record import Record, StoredModel, metric_summaries
from perfgate.results.result import Result
from perfgate.trials import Arm


def record_of(result: Result, name: str, note: str, now: datetime) -> Record:
    """Make a record of a result's candidate."""
    candidate = result.models[Arm.CANDIDATE]
    return Record(
        name=name,
        created_utc=now.isoformat(timespec="milliseconds"),
        scenario_name=str(result.scenario["name"]),
        scenario_digest=result.scenario_digest,
        payload_digest=result.payload_digest,
        model=StoredModel(candidate.given, candidate.digest, round(candidate.size_mb * (1 << 20))),
        fingerprint=result.fingerprint,
        environment=result.environment,
        metrics=metric_summaries(result.summaries, Arm.CANDIDATE),
        seed=int(result.plan["seed"]),
        perfgate_version=result.perfgate_version,
        run_id=result.run_id,
        note=note,
        servers=len(result.replicas),
    )
