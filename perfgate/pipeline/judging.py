"""What a run comes to when its measuring has ended, in whichever way it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from perfgate.baseline.drift import moved
from perfgate.errors import InvalidRunError
from perfgate.experiment.cautions import (
    GENERATOR_REMEDY,
    generator_problem,
    load_cautions,
    machine_cautions,
    time_cautions,
    warmup_cautions,
)
from perfgate.gate.cautions import verdict_cautions
from perfgate.gate.judge import judge
from perfgate.gate.stored import judge_stored
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.payload.arms import request_differences
from perfgate.pipeline.measuring import Measuring
from perfgate.results.repeats import repeat_caution
from perfgate.stats.summarise import summarise
from perfgate.trials import Caution


def judged(measuring: Measuring) -> Judgement:
    """Judge all that was measured; a load generator that was itself too slow makes the run invalid."""
    job, recording = measuring.job, measuring.recording
    table, gate, objectives = recording.log.table(), job.scenario.gate, job.scenario.objectives
    if job.stored is None:
        judgement = judge(table, gate, objectives, measuring.looking.taken, job.scenario.budget.measure_s)
    else:
        judgement = judge_stored(table, gate, objectives, job.stored.numbers)
    if (problem := generator_problem(recording.blocks, measuring.plan)) is None:
        return judgement
    reasons = (problem, GENERATOR_REMEDY, *judgement.reasons)
    headline = InvalidRunError(problem, GENERATOR_REMEDY).in_a_line
    return replace(judgement, verdict=Verdict.INVALID, headline=headline, reasons=reasons)


def nothing_measured(_: Measuring) -> Judgement:
    """Say that the run was interrupted before its first block."""
    return Judgement(Verdict.INCONCLUSIVE, "before anything was measured", (), (), ())


def because(error: InvalidRunError) -> Callable[[Measuring], Judgement]:
    """Give what makes a run invalid as its verdict."""
    reasons = tuple(text for text in (error.problem, error.remedy) if text)
    return lambda _: Judgement(Verdict.INVALID, error.in_a_line, (), (), reasons)


def cautions_of(measuring: Measuring, judgement: Judgement) -> tuple[Caution, ...]:
    """Give all that a reader of the verdict should know of how it was measured."""
    job, plan, recording = measuring.job, measuring.plan, measuring.recording
    since: tuple[Caution, ...] = ()
    if job.record is not None:
        since = moved(job.record, summarise(recording.log.table()), measuring.world.environment)
    return (
        *request_differences(job.models, job.scenario),
        *warmup_cautions(recording.replicas),
        *load_cautions(recording.blocks, plan),
        *time_cautions(sum(block.wall_s for block in recording.blocks), plan),
        *machine_cautions(recording.blocks),
        *since,
        *verdict_cautions(judgement),
        *((again,) if (again := repeat_caution(recording.started, job.out)) else ()),
    )
