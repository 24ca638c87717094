"""Between runs and the baseline store: a stored model to measure beside, and a result to store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from perfgate.baseline.record import Record, StoredModel, metric_summaries
from perfgate.baseline.store import Store
from perfgate.cli.measuring import Question
from perfgate.errors import InvalidRunError, NoBaselineError, UsageError
from perfgate.gate.verdict import Verdict
from perfgate.model.cache import cache_dir
from perfgate.model.digest import digest
from perfgate.model.saved_model import open_model
from perfgate.payload.warmup_assets import recorded_contents
from perfgate.report.result import Result
from perfgate.scenario.files import scenario_digest
from perfgate.trials import Arm


def ensure_storable(questions: Iterable[Question]) -> None:
    """Refuse running servers: there is no model to keep and to measure again. UsageError."""
    for question in questions:
        if running := [model.given for model in question.models.values() if model.served_as is not None]:
            problem = f"{running[0]} is a running server: a baseline keeps a model, to measure it again"
            raise UsageError(problem, "compare two servers: `perfgate compare URL URL`, or objectives: --no-baseline")


def beside_stored(question: Question, store: Store, name: str) -> Question:
    """Find the baseline of that name and scenario and open its model; NoBaselineError with the command to record."""
    ensure_storable([question])
    scenario, candidate = question.scenario, question.models[Arm.CANDIDATE]
    digest_of = scenario_digest(scenario, recorded_contents(candidate, scenario))
    record = store.current(name, digest_of, scenario_name=scenario.name)
    if record.model.artifact is None:
        problem = f"the baseline {name} keeps numbers only, no model to measure again"
        raise NoBaselineError(problem, f"record it again with `perfgate baseline record MODEL --name {name}`")
    path = store.fetch_artifact(record, cache_dir(os.environ), digest)
    stored = replace(open_model(str(path), cache_dir(os.environ)), given=f"{name} ({record.model.given})")
    both = replace(question.opened, models={Arm.BASELINE: stored, Arm.CANDIDATE: candidate})
    return Question(both, baseline_name=name, record=record)


def record_of(result: Result, name: str, note: str, now: datetime | None = None) -> Record:
    """Make a record of a result's candidate."""
    candidate = result.models[Arm.CANDIDATE]
    return Record(
        name=name,
        created_utc=(now or datetime.now(UTC)).isoformat(timespec="milliseconds"),
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
    )


def promote(result: Result, name: str, store: Store, note: str, *, copy: bool) -> Record:
    """Store a finished run's candidate as the baseline; InvalidRunError when its model has changed since or is gone."""
    candidate = result.models[Arm.CANDIDATE]
    path = Path(candidate.path)
    verdict = result.judgement.verdict if result.judgement else "not judged"
    if result.status != "complete" or verdict == Verdict.INVALID:
        problem = f"run {result.run_id} is {result.status} and {verdict}"
        raise InvalidRunError(problem, "promote a complete and valid run, or record the model anew")
    if not path.is_dir() or digest(path) != candidate.digest:
        problem = f"{candidate.path} is not the model that run {result.run_id} measured any more"
        raise InvalidRunError(problem, f"record it anew with `perfgate baseline record MODEL --name {name}`")
    record = record_of(result, name, note)
    if copy:
        return store.add(record, path)
    return store.add(replace(record, model=replace(record.model, artifact=str(path.resolve()))), None)
