"""Runs and the baseline store: find a stored baseline to compare with, and store a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from perfgate.baseline.calibration import calibrations_of
from perfgate.baseline.commands import recording
from perfgate.baseline.fingerprint import environment, fingerprint
from perfgate.baseline.numbers import MOST_RECORDS, stored_baseline
from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.cautions import CautionKind
from perfgate.errors import InvalidRunError, NoBaselineError, UsageError
from perfgate.gate.objectives import judged_objectives
from perfgate.gate.verdict import Verdict
from perfgate.model.cache import cache_dir
from perfgate.model.digest import digest
from perfgate.model.saved_model import open_model
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.results.record import record_of
from perfgate.results.result import Outcome, Result
from perfgate.trials import Arm, Caution


class Kept(StrEnum):
    """What a record keeps besides its numbers: a copy of the model, its path, or nothing."""

    COPY = "copy"
    PATH = "path"
    NUMBERS = "numbers"


def ensure_storable(comparisons: Iterable[Comparison]) -> None:
    """Raise UsageError for running servers: there is no model to keep and measure again."""
    for each in comparisons:
        if running := each.running_servers:
            problem = f"{running[0]} is a running server, but a baseline stores a model to measure again"
            raise UsageError(
                problem, "compare two servers with `perfgate compare URL URL`, or judge objectives with --no-baseline"
            )


def ensure_judged(comparisons: Iterable[Comparison]) -> None:
    """Raise UsageError for scenarios without objectives where there is no baseline to compare with."""
    if bare := [each.scenario.name for each in comparisons if not judged_objectives(each.scenario.objectives)]:
        problem = f"nothing to judge: with --no-baseline, scenario {bare[0]} needs [objectives]"
        raise UsageError(problem, "add objectives, or compare with a baseline")


def all_with_stored(  # noqa: PLR0913 - the command's options
    comparisons: Iterable[Comparison], store_url: str, name: str, options: Options, host: Host, *, numbers_only: bool
) -> list[Comparison]:
    """Find each comparison's baseline before anything is measured; errors as in `with_stored`."""
    store = Store(store_url)
    return [
        with_stored(
            each, store, name, recording_command(each, options, name, store.url), host, numbers_only=numbers_only
        )
        for each in comparisons
    ]


def with_stored(  # noqa: PLR0913 - the command's options
    comparison: Comparison, store: Store, name: str, again: str, host: Host, *, numbers_only: bool
) -> Comparison:
    """Find the baseline of that name and scenario, and open its model to measure it again.

    With `numbers_only`, or if the model was not kept or cannot be fetched, use its numbers instead. `again` is the
    command that records one. NoBaselineError if there is none, or if its numbers do not compare here and there is no
    objective to judge; InvalidRunError if the kept model was changed.
    """
    ensure_storable([comparison])
    try:
        record = store.current(name, comparison.scenario_digest, scenario_name=comparison.scenario.name)
    except NoBaselineError as error:
        error.remedy = f"record one with `{again}`"
        raise
    if record.model.artifact is None:
        return _beside_numbers(comparison, store, record, again, host, "record its model too, without --numbers-only")
    if numbers_only:
        return _beside_numbers(
            comparison, store, record, again, host, "remove --numbers-only: the baseline's model is stored"
        )
    try:
        path = store.fetch_artifact(record, cache_dir(host.environ), digest)
    except (NoBaselineError, OSError) as error:
        gone = CautionKind.MODEL_GONE.caution(error=str(error), again=again)
        return _beside_numbers(comparison, store, record, again, host, "record it with its model", gone)
    except InvalidRunError as error:
        error.remedy = f"restore it, or delete it and record again with `{again}`"
        raise
    stored = replace(open_model(str(path), cache_dir(host.environ)), given=f"{name} ({record.model.given})")
    both = {Arm.BASELINE: stored, **comparison.models}
    return replace(comparison, models=both, baseline_name=name, record=record)


def _beside_numbers(  # noqa: PLR0913, PLR0917 - what with_stored found
    comparison: Comparison, store: Store, record: Record, again: str, host: Host, keep: str, *cautions: Caution
) -> Comparison:
    here = environment(host.environ)
    fingerprint_here = fingerprint(here, comparison.scenario.server.model_dump(mode="json"))
    stored = stored_baseline(
        record,
        store.newest(record.name, MOST_RECORDS),
        environment=here,
        fingerprint=fingerprint_here,
        calibrations=calibrations_of(store.url, fingerprint_here, record.scenario_digest),
        again=again,
        keep=keep,
    )
    if stored.numbers.refusal and not judged_objectives(comparison.scenario.objectives):
        raise NoBaselineError(stored.numbers.refusal, stored.numbers.remedy)
    stored = replace(stored, cautions=(*cautions, *stored.cautions))
    return replace(comparison, baseline_name=record.name, stored=stored)


def recording_command(comparison: Comparison, options: Options, name: str, store_url: str) -> str:
    """Return the command line that records a baseline as `run` looks for it, server settings included."""
    flags = {
        "--intra-op-threads": options.intra_op_threads,
        "--inter-op-threads": options.inter_op_threads,
        "--cpus": _listed(options.cpus),
        "--driver-cpus": _listed(options.driver_cpus),
    }
    words = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    return recording(name, store_url, comparison.scenario_given, *words)


def _listed(cpus: tuple[int, ...] | None) -> str | None:
    return None if cpus is None else ",".join(map(str, cpus))


def promote(  # noqa: PLR0913, PLR0917 - the command's options
    result: Result, name: str, store: Store, note: str, kept: Kept, now: datetime
) -> Record:
    """Store a finished run's candidate as the baseline; InvalidRunError if its model has changed since or is gone.

    A baseline that keeps numbers only does not need the model.
    """
    candidate = result.models[Arm.CANDIDATE]
    path = Path(candidate.path)
    verdict = result.judgement.verdict if result.judgement else "not judged"
    if result.status is not Outcome.COMPLETE or verdict == Verdict.INVALID:
        problem = f"run {result.run_id} cannot be promoted: it is {result.status} and {verdict}"
        raise InvalidRunError(problem, "promote a complete and valid run, or record the model again")
    record = record_of(result, name, note, now)
    if kept is Kept.NUMBERS:
        return store.add(record, None)
    if not path.is_dir() or digest(path) != candidate.digest:
        problem = f"{candidate.path} has changed since run {result.run_id} measured it"
        remedy = f"record it again with `{recording(name, store.url)}`, or promote it with --numbers-only"
        raise InvalidRunError(problem, remedy)
    if kept is Kept.COPY:
        return store.add(record, path)
    return store.add(replace(record, model=replace(record.model, artifact=str(path.resolve()))), None)
