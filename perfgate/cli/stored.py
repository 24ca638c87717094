"""Between runs and the baseline store: a stored baseline to compare with, and a result to store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from perfgate.baseline.calibration import calibrations_of
from perfgate.baseline.commands import recording
from perfgate.baseline.fingerprint import environment, fingerprint, read_text
from perfgate.baseline.numbers import MOST_RECORDS, stored_baseline
from perfgate.baseline.record import Record, StoredModel, metric_summaries
from perfgate.baseline.store import Store
from perfgate.cli.measuring import Options, Question
from perfgate.errors import InvalidRunError, NoBaselineError, UsageError
from perfgate.gate.objectives import judged
from perfgate.gate.verdict import Verdict
from perfgate.model.cache import cache_dir
from perfgate.model.digest import digest
from perfgate.model.saved_model import open_model
from perfgate.payload.warmup_assets import recorded_contents
from perfgate.results.result import Result
from perfgate.scenario.files import scenario_digest
from perfgate.trials import Arm, Caution


class Kept(StrEnum):
    """What a record keeps beside its numbers: a copy of the model, its path, or nothing."""

    COPY = "copy"
    PATH = "path"
    NUMBERS = "numbers"


def ensure_storable(questions: Iterable[Question]) -> None:
    """Refuse running servers: there is no model to keep and to measure again. UsageError."""
    for question in questions:
        if running := [model.given for model in question.models.values() if model.served_as is not None]:
            problem = f"{running[0]} is a running server: a baseline keeps a model, to measure it again"
            raise UsageError(problem, "compare two servers: `perfgate compare URL URL`, or objectives: --no-baseline")


def with_stored(question: Question, store: Store, name: str, again: str, *, numbers_only: bool) -> Question:
    """Find the baseline of that name and scenario, and open its model, to be measured again.

    With `numbers_only`, or where the model is not kept or cannot be had, take its numbers instead. `again` is the
    command that records one. NoBaselineError where there is none, or where its numbers do not compare here and there
    is no objective to judge; InvalidRunError where the kept model was changed.
    """
    ensure_storable([question])
    scenario, candidate = question.scenario, question.models[Arm.CANDIDATE]
    digest_of = scenario_digest(scenario, recorded_contents(candidate, scenario))
    try:
        record = store.current(name, digest_of, scenario_name=scenario.name)
    except NoBaselineError as error:
        error.remedy = f"record one with `{again}`"
        raise
    if record.model.artifact is None:
        return _beside_numbers(question, store, record, again, "record its model too, without --numbers-only")
    if numbers_only:
        return _beside_numbers(question, store, record, again, "leave --numbers-only out, for its model is kept")
    try:
        path = store.fetch_artifact(record, cache_dir(os.environ), digest)
    except (NoBaselineError, OSError) as error:
        gone = Caution("model gone", f"the stored model is not measured again: {error}", f"record it with `{again}`")
        return _beside_numbers(question, store, record, again, "record it with its model", gone)
    except InvalidRunError as error:
        error.remedy = f"restore it, or delete it and record again with `{again}`"
        raise
    stored = replace(open_model(str(path), cache_dir(os.environ)), given=f"{name} ({record.model.given})")
    both = replace(question.opened, models={Arm.BASELINE: stored, Arm.CANDIDATE: candidate})
    return replace(question, opened=both, baseline_name=name, record=record)


def _beside_numbers(
    question: Question, store: Store, record: Record, again: str, keep: str, *cautions: Caution
) -> Question:
    here = environment(os.environ, read_text)
    fingerprint_here = fingerprint(here, question.scenario.server.model_dump(mode="json"))
    stored = stored_baseline(
        record,
        store.newest(record.name, MOST_RECORDS),
        environment=here,
        fingerprint=fingerprint_here,
        calibrations=calibrations_of(store.url, fingerprint_here, record.scenario_digest),
        again=again,
        keep=keep,
    )
    if stored.numbers.refusal and not judged(question.scenario.objectives):
        raise NoBaselineError(stored.numbers.refusal, stored.numbers.remedy)
    return replace(question, baseline_name=record.name, stored=replace(stored, cautions=(*cautions, *stored.cautions)))


def recording_command(question: Question, options: Options, name: str, store_url: str) -> str:
    """Give the command line that records a baseline as `run` looks for it, its server settings included."""
    flags = {
        "--intra-op-threads": options.intra_op_threads,
        "--inter-op-threads": options.inter_op_threads,
        "--cpus": _listed(options.cpus),
        "--driver-cpus": _listed(options.driver_cpus),
    }
    words = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    return recording(name, store_url, question.scenario_given, *words)


def _listed(cpus: tuple[int, ...] | None) -> str | None:
    return None if cpus is None else ",".join(map(str, cpus))


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
        servers=len(result.replicas),
    )


def promote(result: Result, name: str, store: Store, note: str, kept: Kept) -> Record:
    """Store a finished run's candidate as the baseline; InvalidRunError when its model has changed since or is gone.

    Of a baseline by number the model is not needed.
    """
    candidate = result.models[Arm.CANDIDATE]
    path = Path(candidate.path)
    verdict = result.judgement.verdict if result.judgement else "not judged"
    if result.status != "complete" or verdict == Verdict.INVALID:
        problem = f"run {result.run_id} is {result.status} and {verdict}"
        raise InvalidRunError(problem, "promote a complete and valid run, or record the model anew")
    record = record_of(result, name, note)
    if kept is Kept.NUMBERS:
        return store.add(record, None)
    if not path.is_dir() or digest(path) != candidate.digest:
        problem = f"{candidate.path} is not the model that run {result.run_id} measured any more"
        remedy = f"record it anew with `{recording(name, store.url)}`, or promote it with --numbers-only"
        raise InvalidRunError(problem, remedy)
    if kept is Kept.COPY:
        return store.add(record, path)
    return store.add(replace(record, model=replace(record.model, artifact=str(path.resolve()))), None)
