"""What weakens a run's result: known beforehand, and after it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfgate.baseline.drift import moved
from perfgate.cautions import CautionKind
from perfgate.experiment.cautions import load_cautions, machine_cautions, time_cautions, warmup_cautions
from perfgate.experiment.plan import Plan
from perfgate.gate.cautions import verdict_cautions
from perfgate.gate.verdict import Judgement
from perfgate.model.interface import Model
from perfgate.pipeline.job import Job
from perfgate.results.recorder import RecordedRun
from perfgate.results.repeats import repeat_caution
from perfgate.stats.summarise import summarise
from perfgate.trials import Arm, Caution


def known_beforehand(job: Job) -> tuple[Caution, ...]:
    """Warn of what shows before any server is started."""
    return (*_same_model(job.models), *job.advice.cautions, *job.cautions)


def _same_model(models: Mapping[Arm, Model]) -> Iterator[Caution]:
    """Warn of one model under two names: a link, a copy, or a version that was never written."""
    named = {model.given: model for model in models.values() if model.size_bytes}  # else not known: it runs elsewhere
    if len(named) > 1 and len({model.digest for model in named.values()}) == 1:
        yield CautionKind.SAME_MODEL.caution(models=" and ".join(named))


def cautions_of(job: Job, plan: Plan, recorded: RecordedRun, judgement: Judgement) -> tuple[Caution, ...]:
    """Warn of all that a reader of the verdict should know about how it was measured."""
    record = job.comparison.record
    again = repeat_caution(recorded.begun, job.out)
    return (
        *job.prepared.differences,
        *warmup_cautions(recorded.replicas),
        *load_cautions(recorded.blocks, plan),
        *time_cautions(sum(block.wall_s for block in recorded.blocks), plan),
        *machine_cautions(recorded.blocks),
        *(() if record is None else moved(record, summarise(recorded.table), job.environment)),
        *verdict_cautions(judgement),
        *((again,) if again else ()),
    )
