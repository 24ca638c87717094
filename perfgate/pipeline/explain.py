"""`perfgate explain`: both versions traced in servers of their own, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from perfgate.errors import InvalidRunError
from perfgate.experiment.lanes import Bench
from perfgate.experiment.servers import ArmSetup, Servers
from perfgate.experiment.setup import arm_setups, ensure_unchanged
from perfgate.experiment.tracing import TRACED_REPLICAS
from perfgate.experiment.world import World
from perfgate.explain.evidence import Evidence
from perfgate.explain.explain import explain
from perfgate.explain.explanation import Explanation, StageChange, StaticDifferences
from perfgate.explain.static import static_differences
from perfgate.loadgen.workers import Workers
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.job import Job
from perfgate.pipeline.options import Options
from perfgate.pipeline.plan import plan_of
from perfgate.pipeline.single_job import single_job
from perfgate.pipeline.trace import TracedRun, trace
from perfgate.pipeline.world import world_of
from perfgate.results.progress import Phase, Progress
from perfgate.scenario.schema import Scenario, Server
from perfgate.serving.open_files import allow_open_files
from perfgate.stats.summary import StageSummary
from perfgate.trials import Arm, ReplicaFacts

DEFAULT_S = 15.0
"""Time for tracing; it ends earlier after 60 rounds."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the servers of an explanation showed."""

    traced: TracedRun | None = None
    replicas: tuple[ReplicaFacts, ...] = ()
    problem: str = ""
    """Why nothing was traced."""


def explained(  # noqa: PLR0913 - the command's options
    comparison: Comparison,
    options: Options,
    host: Host,
    out: Path,
    *,
    baseline_server: Server | None = None,
    stages: tuple[StageChange, ...] = (),
) -> tuple[Explanation, TracedRun | None]:
    """Trace both versions, and explain what differs; a model that does not load is explained by its graph alone.

    `baseline_server`: settings of the baseline's servers, if they differ from the scenario's. `stages`: those of a
    request under load, where a run measured them.
    """
    scenario = comparison.scenario
    static = static_of(comparison)
    progress = host.progress()
    with progress:
        measured = _measured(comparison, options, host, out, baseline_server, progress)
        progress.phase(Phase("explain"))
        settings = {Arm.BASELINE: baseline_server or scenario.server, Arm.CANDIDATE: scenario.server}
        cpus = len(scenario.server.cpus or host.cpus())
        evidence = evidence_of(comparison, static, measured, settings, cpus, stages=stages)
        return explain(evidence), measured.traced


def stage_changes(found: Iterable[StageSummary]) -> tuple[StageChange, ...]:
    """Return the median of each stage in both arms, where both report it."""
    medians = {(each.arm, each.stage): each.p50_ms for each in found}
    names = dict.fromkeys(stage for _, stage in medians)
    pairs = ((name, medians.get((Arm.BASELINE, name)), medians.get((Arm.CANDIDATE, name))) for name in names)
    return tuple(StageChange(name, (old, new)) for name, old, new in pairs if old is not None and new is not None)


def static_of(comparison: Comparison) -> StaticDifferences | None:
    """Compare the graphs on disk; None for running servers, or if they cannot be read."""
    if comparison.running_servers or len(comparison.models) < len(Arm):
        return None
    old, new = (comparison.models[arm] for arm in Arm)
    return static_differences(old, new, comparison.scenario.payload.signature)


def evidence_of(  # noqa: PLR0913 - everything that an explanation rests on
    comparison: Comparison,
    static: StaticDifferences | None,
    measured: Measured,
    settings: Mapping[Arm, Server],
    cpus: int,
    *,
    stages: tuple[StageChange, ...] = (),
    growth_mb_per_1k: tuple[float, float] | None = None,
    padding_share: tuple[float, float] | None = None,
    notes: tuple[str, ...] = (),
) -> Evidence:
    """Gather what an explanation needs."""
    traced = measured.traced
    return Evidence(
        models={arm: model.given for arm, model in comparison.models.items()},
        static=static,
        traced=traced.trace.table() if traced else None,
        seconds=traced.seconds if traced else 0.0,
        tensors=traced.tensors if traced else {},
        replicas=measured.replicas,
        memory=traced.memory if traced else (),
        settings={arm: each.model_dump(mode="json") for arm, each in settings.items()},
        cpus=cpus,
        problem=measured.problem,
        notes=(*notes, *(_limits(traced) if traced else ())),
        stages=stages,
        growth_mb_per_1k=growth_mb_per_1k,
        padding_share=padding_share,
    )


def _limits(traced: TracedRun) -> Iterator[str]:
    """Say which requests the answer does not cover."""
    if traced.left_out:
        yield f"{traced.left_out} recorded requests use other inputs or outputs of the model and were not traced"
    seen = len({visit.request for visit in traced.trace.visits})
    if seen < traced.requests:
        more = "give it more time if they differ (--budget; in a run, budget.explain_s)"
        yield f"{seen} of {traced.requests} requests were traced: {more}"


def _measured(  # noqa: PLR0913, PLR0917 - as explained
    comparison: Comparison, options: Options, host: Host, out: Path, baseline_server: Server | None, progress: Progress
) -> Measured:
    """Start servers of both versions, trace them, and stop them; a reason if that is not possible."""
    if comparison.running_servers:
        return Measured(problem="running servers cannot be traced")
    if comparison.scenario.target.kind == "command":
        return Measured(problem="servers with a command of their own cannot be traced")
    allow_open_files()
    job = single_job(replace(comparison, scenario=_with_few(comparison.scenario, options)), options, host, out)
    try:
        with Workers(comparison.scenario.load.workers) as workers:
            world = world_of(job.comparison, out, host, host.cpus(), job.environment, workers)
            return _traced(job, world, options.budget or DEFAULT_S, baseline_server, progress)
    except InvalidRunError as error:
        return Measured(problem=error.in_a_line)


def _with_few(scenario: Scenario, options: Options) -> Scenario:
    few = {"replicas": options.replicas or min(scenario.budget.replicas, TRACED_REPLICAS), "parents": 1}
    return scenario.model_copy(update={"budget": scenario.budget.model_copy(update=few)})


def _traced(job: Job, world: World, seconds: float, baseline_server: Server | None, progress: Progress) -> Measured:
    plan = replace(plan_of(job, world), segments=())
    bench = Bench(plan, world.machine, world.clock, np.random.default_rng(plan.seed), world.clock())
    with TemporaryDirectory(prefix="perfgate-") as scratch:
        setups = arm_setups(job.models, job.prepared.requests, job.scenario, Path(scratch))
        with Servers(plan, _served_with(setups, baseline_server), world) as servers:
            progress.phase(Phase(f"start {len(plan.slots)} servers", later_s=seconds, servers=len(plan.slots)))
            servers.start(lambda count: progress.update(lambda: count))
            ensure_unchanged(job.models)
            progress.phase(Phase("warm-up", later_s=seconds, servers=len(plan.slots)))
            replicas = servers.warm_up(lambda count: progress.update(lambda: count))
            began_s = bench.now_s()
            progress.phase(Phase("traced executions", seconds))
            shown = replace(bench, between=lambda: progress.update(lambda: bench.now_s() - began_s))
            found = trace(servers.replicas, shown, lambda _: seconds, Path(scratch))
    return Measured(found, replicas, "" if found else "the versions have no recorded request in common")


def _served_with(setups: Mapping[Arm, ArmSetup], baseline_server: Server | None) -> Mapping[Arm, ArmSetup]:
    if baseline_server is None:
        return setups
    return {**setups, Arm.BASELINE: setups[Arm.BASELINE].served_with(baseline_server)}
