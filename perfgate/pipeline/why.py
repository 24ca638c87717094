"""The explanation of a failed run, from what its own servers showed after everything else."""

from __future__ import annotations

from collections.abc import Sequence

from perfgate.errors import PerfgateError
from perfgate.explain.explain import explain
from perfgate.explain.explanation import Explanation, StageChange, StaticDifferences
from perfgate.explain.profile import Profile
from perfgate.explain.profiling import profile_of
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.explain import Measured, evidence_of, stage_changes, static_of
from perfgate.pipeline.job import Job
from perfgate.pipeline.measure import Ending
from perfgate.results.recorder import RecordedRun
from perfgate.scenario.batching_file import batching_of
from perfgate.stats.stages import batch_sizes, stage_summaries
from perfgate.stats.summary import BatchSizes
from perfgate.trials import Arm

_FEWEST_REPLICAS = 2
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
            padding_share=_padding(job, recorded),
            notes=(problem,) if problem else (),
        )
    )


def profile(job: Job, ending: Ending) -> Profile | None:
    """Return where the time of a model that was measured alone goes; None if its operations were not timed."""
    found = ending.traced
    if not job.profiles or found is None or len({visit.replica for visit in found.trace.visits}) < _FEWEST_REPLICAS:
        return None
    return profile_of(found.trace.table(), peak_bytes=found.tensors[Arm.CANDIDATE].peak_bytes)


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
    return stage_changes(stage_summaries([trial for block in recorded.blocks for trial in block.trials]))


def _padding(job: Job, recorded: RecordedRun) -> tuple[float, float] | None:
    """Return the share of the rows in each arm's batches that only filled them up; None without batching."""
    batching = batching_of(job.scenario.server)
    allowed = sorted(batching.allowed_batch_sizes or ()) if batching else []
    trials = [trial for block in recorded.blocks for trial in block.trials]
    shares = {found.arm: _padded(found, allowed) for found in batch_sizes(trials)}
    if not allowed or len(shares) < len(Arm):
        return None
    return shares[Arm.BASELINE], shares[Arm.CANDIDATE]


def _padded(found: BatchSizes, allowed: Sequence[int]) -> float:
    filled = [next((size for size in allowed if size >= rows), rows) for rows in found.rows]
    waste = sum(n * (1 - rows / size) for rows, size, n in zip(found.rows, filled, found.requests, strict=True) if size)
    return waste / max(1, sum(found.requests))


def _growth(judgement: Judgement) -> tuple[float, float] | None:
    """Return the growth of memory in both versions, if the gate found that it is worse."""
    for each in judgement.metrics:
        if each.metric == _GROWTH and each.verdict is Verdict.FAIL and each.effect is not None:
            return each.effect.baseline_value, each.effect.candidate_value
    return None
