"""Cautions of a run: those known beforehand, and those known after measuring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfgate.baseline.drift import moved
from perfgate.cautions import CautionKind
from perfgate.experiment.cautions import (
    load_cautions,
    machine_cautions,
    time_cautions,
    warmup_cautions,
    worker_cautions,
)
from perfgate.experiment.plan import Plan
from perfgate.formatting import limit, seen
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.model.interface import Model
from perfgate.pipeline.job import Job
from perfgate.results.recorder import RecordedRun
from perfgate.results.repeats import repeat_caution
from perfgate.stats.summarise import summarise
from perfgate.trials import Arm, Caution


def known_beforehand(job: Job) -> tuple[Caution, ...]:
    """Return the cautions that are known before any server is started."""
    return (*_same_model(job.models), *job.advice.cautions, *job.cautions)


def _same_model(models: Mapping[Arm, Model]) -> Iterator[Caution]:
    """Warn when both arms are the same model: a link, a copy, or a version that was never written."""
    named = {model.given: model for model in models.values() if model.size_bytes}  # unknown if the model runs elsewhere
    if len(named) > 1 and len({model.digest for model in named.values()}) == 1:
        yield CautionKind.SAME_MODEL.caution(models=" and ".join(named))


def cautions_of(job: Job, plan: Plan, recorded: RecordedRun, judgement: Judgement) -> tuple[Caution, ...]:
    """Return all cautions about how the run was measured."""
    record = job.comparison.record
    again = repeat_caution(recorded.begun, job.out)
    return (
        *job.prepared.differences,
        *warmup_cautions(recorded.replicas),
        *load_cautions(recorded.blocks, plan),
        *worker_cautions(recorded.begun.load_workers),
        *time_cautions(sum(block.wall_s for block in recorded.blocks), plan),
        *machine_cautions(recorded.blocks),
        *(() if record is None else moved(record, summarise(recorded.table), job.environment)),
        *verdict_cautions(judgement),
        *((again,) if again else ()),
    )


def verdict_cautions(judgement: Judgement) -> tuple[Caution, ...]:
    """Return what must not be overlooked; nothing of an invalid run, which has decided nothing."""
    if judgement.verdict is Verdict.INVALID:
        return ()
    return (*_warnings(judgement), *_not_needed(judgement.metrics))


def _warnings(judgement: Judgement) -> Iterator[Caution]:
    for clause in judgement.warnings:
        yield CautionKind.WARNING.caution(clause=clause)


def _not_needed(metrics: tuple[MetricVerdict, ...]) -> Iterator[Caution]:
    for each in metrics:
        if each.gated and each.accepted and each.accepted.own_verdict is Verdict.PASS:
            own, effect = limit(each.accepted.own_tolerance, each.metric), each.effect
            found = seen(effect.change, effect.lower, effect.upper, each.metric)
            yield CautionKind.ACCEPTANCE_NOT_NEEDED.caution(metric=each.metric, seen=found, own=own)
