"""The explanation of a failed run, from what its own servers showed after everything else."""

from __future__ import annotations

from perfgate.errors import PerfgateError
from perfgate.explain.explain import explain
from perfgate.explain.explanation import Explanation, StageChange, StaticDifferences
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.explain import Measured, evidence_of, static_of
from perfgate.pipeline.job import Job
from perfgate.pipeline.measure import Ending
from perfgate.results.recorder import RecordedRun
from perfgate.stats.stages import stage_summaries
from perfgate.trials import Arm

_GROWTH = "rss_growth_mb_per_1k"
_NOT_TRACED = "the operations were not timed: the run was not side by side, or its servers cannot be traced"


def why(job: Job, recorded: RecordedRun, ending: Ending, judgement: Judgement) -> Explanation | None:
    """Explain a run in which something failed; None for other runs, and if `explain_s` is 0."""
    wanted = job.scenario.budget.explain_s > 0 and Arm.BASELINE in job.models
    if not wanted or not _failed(judgement):
        return None
    static, problem = _static(job.comparison)
    traced = ending.traced if ending.traced and ending.traced.trace.visits else None
    unseen = "" if traced else ending.not_traced or _NOT_TRACED
    measured = Measured(traced, recorded.replicas, unseen)
    settings = dict.fromkeys(job.models, job.scenario.server)
    return explain(
        evidence_of(
            job.comparison,
            static,
            measured,
            settings,
            int(job.environment["cores"]),
            stages=_stages(recorded),
            growth_mb_per_1k=_growth(judgement),
            notes=(problem,) if problem else (),
        )
    )


def _failed(judgement: Judgement) -> bool:
    warned = [part.warns for part in judgement.metrics if part.verdict is Verdict.FAIL]
    missed = [part.warns for part in judgement.objectives if part.verdict is Verdict.FAIL]
    return judgement.verdict is Verdict.FAIL or any((*warned, *missed))


def _static(comparison: Comparison) -> tuple[StaticDifferences | None, str]:
    """Compare the graphs on disk; a graph that cannot be read is a note, and spoils no run."""
    try:
        return static_of(comparison), ""
    except PerfgateError as error:
        return None, error.in_a_line


def _stages(recorded: RecordedRun) -> tuple[StageChange, ...]:
    """Return the medians of the stages of a request under load, where the servers report them."""
    trials = [trial for block in recorded.blocks for trial in block.trials]
    found = {(each.arm, each.stage): each.p50_ms for each in stage_summaries(trials)}
    names = dict.fromkeys(stage for _, stage in found)
    pairs = ((name, found.get((Arm.BASELINE, name)), found.get((Arm.CANDIDATE, name))) for name in names)
    return tuple(StageChange(name, (old, new)) for name, old, new in pairs if old is not None and new is not None)


def _growth(judgement: Judgement) -> tuple[float, float] | None:
    """Return the growth of memory in both versions, if the gate found that it is worse."""
    for each in judgement.metrics:
        if each.metric == _GROWTH and each.verdict is Verdict.FAIL and each.effect is not None:
            return each.effect.baseline_value, each.effect.candidate_value
    return None
