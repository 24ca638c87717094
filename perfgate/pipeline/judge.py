"""Judging a run after its measuring has ended, however it ended."""

from __future__ import annotations

from dataclasses import replace

from perfgate.errors import InvalidRunError
from perfgate.experiment.cautions import GENERATOR_REMEDY, generator_problem
from perfgate.experiment.plan import Plan
from perfgate.gate.judge import judge
from perfgate.gate.stored_baseline import judge_stored
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.pipeline.job import Job
from perfgate.pipeline.measure import Ending
from perfgate.results.recorder import RecordedRun
from perfgate.results.result import Outcome


def judge_run(job: Job, plan: Plan, recorded: RecordedRun, ending: Ending) -> Judgement:
    """Judge what was measured; a run whose load generator was too slow is invalid."""
    if ending.error is not None:
        return _invalid(ending.error)
    if ending.outcome is Outcome.INTERRUPTED and not recorded.blocks:
        return Judgement(Verdict.INCONCLUSIVE, "before anything was measured", (), (), ())
    judgement = _by_the_gate(job, recorded, ending)
    if (problem := generator_problem(recorded.blocks, plan)) is None:
        return judgement
    late = _invalid(InvalidRunError(problem, GENERATOR_REMEDY))
    return replace(judgement, verdict=late.verdict, headline=late.headline, reasons=(*late.reasons, *judgement.reasons))


def _by_the_gate(job: Job, recorded: RecordedRun, ending: Ending) -> Judgement:
    scenario, stored = job.scenario, job.comparison.stored
    if stored is not None:
        return judge_stored(recorded.table, scenario.gate, scenario.objectives, stored.numbers)
    return judge(recorded.table, scenario.gate, scenario.objectives, ending.looks, scenario.budget.measure_s)


def _invalid(error: InvalidRunError) -> Judgement:
    reasons = tuple(text for text in (error.problem, error.remedy) if text)
    return Judgement(Verdict.INVALID, error.in_a_line, (), (), reasons)
