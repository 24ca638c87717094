"""`perfgate capacity`: servers of each version, visited at many rates, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from perfgate.baseline.fingerprint import fingerprint
from perfgate.capacity.answer import SCHEMA_VERSION, Bound, CapacityAnswer
from perfgate.capacity.assemble import Assembled, Judged, capacities_of
from perfgate.capacity.steadiness import backlog_notes, length_notes, steadiness_notes
from perfgate.capacity.turn import Stage
from perfgate.experiment.lanes import Bench
from perfgate.experiment.servers import Servers
from perfgate.experiment.setup import arm_setups, ensure_unchanged
from perfgate.experiment.world import World
from perfgate.formatting import number
from perfgate.gate.tolerance import own_tolerance_of
from perfgate.loadgen.workers import Workers
from perfgate.metrics import BY_NAME
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.job import Job
from perfgate.pipeline.options import Options
from perfgate.pipeline.plan import plan_of
from perfgate.pipeline.rate_search import (
    SECONDS,
    TABLE_REQUESTS,
    RateSearch,
    batches_of,
    begin_search,
    continue_search,
)
from perfgate.pipeline.single_job import single_job
from perfgate.pipeline.world import world_of
from perfgate.results.progress import Phase, Progress
from perfgate.results.scenario import as_recorded
from perfgate.scenario.schema import Scenario, Server
from perfgate.serving.open_files import allow_open_files
from perfgate.trials import Arm
from perfgate.version import __version__

_STAGES = {
    Stage.SWEEP: "rates from low to high",
    Stage.SEARCH: "near the capacity",
    Stage.TEST: "fresh turns at fixed rates",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A search, and the facts of its measurement."""

    job: Job
    found: RateSearch
    seconds: float
    cores: int


def measured(comparison: Comparison, options: Options, host: Host, out: Path) -> Measured:
    """Serve each version, and search; InvalidRunError if a server does not work or dies.

    ^C ends the search, and what is known by then is kept.
    """
    allow_open_files()
    seconds = options.budget or SECONDS[len(comparison.models)]
    timed = replace(comparison, scenario=with_budget(comparison.scenario, seconds))
    job = single_job(timed, options, host, out)
    progress = host.progress()
    with progress, Workers(comparison.scenario.load.workers) as workers:
        world = world_of(timed, out, host, host.cpus(), job.environment, workers)
        began_s = world.clock()
        found = searched(job, world, seconds, progress)
        cores = len(comparison.scenario.server.cpus or host.cpus())
        return Measured(job, found, world.clock() - began_s, cores)


def answer_of(given: Measured) -> CapacityAnswer:
    """Make the answer of a search."""
    return answer_with(given, assembled(given))


def assembled(given: Measured) -> Assembled:
    """Estimate and judge what a search found."""
    job, found = given.job, given.found
    scenario = job.scenario
    judged = judged_of(scenario, found, given.cores)
    models = {arm: model.given for arm, model in job.models.items()}
    return capacities_of(found.search, models, judged)


def answer_with(given: Measured, known: Assembled) -> CapacityAnswer:
    """Add the facts of the measurement to what is known."""
    job, found = given.job, given.found
    return CapacityAnswer(
        schema_version=SCHEMA_VERSION,
        run_id=job.run_id,
        created_utc=job.created.isoformat(timespec="seconds"),
        perfgate_version=__version__,
        complete=found.complete,
        scenario=as_recorded(job.scenario),
        objectives=found.bounds,
        arms=known.arms,
        change=known.change,
        cores=given.cores,
        servers=found.pairs,
        turn_s=found.lengths.turn_s,
        lead_in_s=found.lengths.lead_in_s,
        turns=len(found.search.turns),
        seconds=given.seconds,
        seed=job.seed,
        notes=(
            *found.notes,
            *length_notes(found.lengths, known.arms),
            *steadiness_notes(found.search.turns, known.arms, found.bounds[0].metric),
            *backlog_notes(found.search.turns, known.arms, found.bounds),
        ),
        environment=dict(job.environment),
        fingerprint=_fingerprint(job.environment, job.scenario),
    )


def judged_of(scenario: Scenario, found: RateSearch, cores: int) -> Judged:
    """Return how a search is judged and described."""
    tolerance = own_tolerance_of(BY_NAME["capacity_rps"], scenario.gate, 0.0).share
    return Judged(found.bounds, scenario.gate.alpha, tolerance, cores, batches_of(scenario), found.unloaded_ms)


def _fingerprint(facts: Mapping[str, Any], scenario: Scenario) -> str:
    return fingerprint(facts, scenario.server.model_dump(mode="json"))


def with_budget(scenario: Scenario, seconds: float) -> Scenario:
    """Return the scenario with the time to measure."""
    return scenario.model_copy(update={"budget": scenario.budget.model_copy(update={"measure_s": seconds})})


def searched(  # noqa: PLR0913 - the search, and in what it may differ
    job: Job,
    world: World,
    seconds: float,
    progress: Progress,
    *,
    settings: Mapping[Arm, Server] | None = None,
    bounds: tuple[Bound, ...] | None = None,
    table_requests: int = TABLE_REQUESTS,
    decides: bool = False,
) -> RateSearch:
    """Start the servers, search until the time is used up or ^C comes, and stop them.

    `settings`: of the servers of each arm, if not the scenario's; the others as in `begin_search`.
    """
    plan = replace(plan_of(job, world), segments=())
    bench = Bench(plan, world.machine, world.clock, np.random.default_rng(plan.seed), world.clock())
    count = len(plan.slots)
    with TemporaryDirectory(prefix="perfgate-") as scratch:
        setups = arm_setups(job.models, job.prepared.requests, job.scenario, Path(scratch))
        for arm, server in (settings or {}).items():
            setups[arm] = setups[arm].served_with(server)
        with Servers(plan, setups, world) as servers:
            progress.phase(Phase(f"start {count} servers", later_s=seconds, servers=count))
            servers.start(lambda ready: progress.update(lambda: ready))
            ensure_unchanged(job.models)
            progress.phase(Phase("warm-up", later_s=seconds, servers=count))
            servers.warm_up(lambda ready: progress.update(lambda: ready))
            began_s = bench.now_s()

            def stage(now: Stage, found: RateSearch) -> None:
                left_s = max(0.0, seconds - (bench.now_s() - began_s))
                part_s = {Stage.SWEEP: left_s / 4, Stage.SEARCH: left_s / 3, Stage.TEST: left_s}[now]
                progress.phase(Phase(_STAGES[now] + _bracket(found), part_s, later_s=left_s - part_s))

            phase_s = [began_s]
            shown = replace(bench, between=lambda: progress.update(lambda: bench.now_s() - phase_s[0]))
            found = begin_search(
                servers.replicas, job.scenario, seconds, shown, bounds, table_requests, decides=decides
            )

            def on_stage(now: Stage, found: RateSearch) -> None:
                phase_s[0] = bench.now_s()
                stage(now, found)

            try:
                continue_search(found, servers.replicas, job.scenario, seconds, shown, on_stage)
            except KeyboardInterrupt:
                found.complete = False
            return found


def _bracket(found: RateSearch) -> str:
    """Say between which rates the search goes on."""
    brackets = [bracket for arm in found.unloaded_ms if found.search.turns and (bracket := found.search.bracket(arm))]
    if not brackets:
        return ""
    low, high = min(each[0] for each in brackets), max(each[1] for each in brackets)
    return f", {number(low)} to {number(high)} requests/s"
