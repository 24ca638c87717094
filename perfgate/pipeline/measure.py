"""Measuring, from the first server's start to the last block, segment by segment."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from perfgate.errors import InvalidRunError
from perfgate.experiment.cautions import observer_cautions, pause_cautions, server_cautions
from perfgate.experiment.lanes import Bench, blocks
from perfgate.experiment.plan import EXECUTING, MOST_TIMES_LOOKS, Plan, Segment, lengthened, looked_at_like
from perfgate.experiment.servers import Servers
from perfgate.experiment.setup import arm_setups, ensure_unchanged
from perfgate.experiment.tracing import traced_replicas
from perfgate.experiment.watch import LoadWatch
from perfgate.experiment.world import World
from perfgate.gate.feasibility import shortages
from perfgate.gate.interim import Look
from perfgate.gate.stopping import InterimAnalysis, due
from perfgate.gate.tolerance import severity_of
from perfgate.pipeline.capacity_lane import CapacityLane, search_s
from perfgate.pipeline.cautions import known_beforehand
from perfgate.pipeline.job import Interrupts, Job
from perfgate.pipeline.ops import METRIC, OpsLane
from perfgate.pipeline.trace import TracedRun
from perfgate.results.progress import Phase, Progress
from perfgate.results.recorder import Recorder
from perfgate.results.result import Outcome
from perfgate.scenario.severity import Severity
from perfgate.trials import Arm, Depth, Lane

_PHASES = {
    (Lane.COST, Depth.EXECUTE): "executions inside the servers",
    (Lane.COST, Depth.REQUEST): "single requests",
    (Lane.LOAD, Depth.REQUEST): "the scenario's load",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How the measuring ended."""

    outcome: Outcome
    looks: tuple[Look, ...]
    """Interim analyses, at planned instants."""
    wall_s: float
    error: InvalidRunError | None = None
    """Why the run is invalid; None if it is valid."""
    traced: TracedRun | None = None
    """Operations of both versions; None if they were not traced."""
    not_traced: str = ""
    """Why they could not be traced."""


def measure(  # noqa: PLR0913, PLR0917 - the run, and everything that it touches
    job: Job, plan: Plan, world: World, recorder: Recorder, progress: Progress, interrupts: Interrupts
) -> Ending:
    """Start the servers, warm them up, fill the segments, and always stop the servers."""
    began_s, looking = world.clock(), _looking(job, plan)
    outcome, invalid, ops = Outcome.COMPLETE, None, OpsLane()
    try:
        _Measurement(job, plan, world, recorder, progress, looking, ops).take()
    except InvalidRunError as error:
        outcome, invalid = Outcome.INVALID, error
    except (KeyboardInterrupt, Exception) as error:
        if not (isinstance(error, KeyboardInterrupt) or interrupts.happened):
            raise
        outcome = Outcome.INTERRUPTED
    recorder.load_came_from(world.load_workers())
    return Ending(outcome, looking.taken, world.clock() - began_s, invalid, ops.traced, ops.problem)


def _looking(job: Job, plan: Plan) -> InterimAnalysis:
    sources, compares = [segment.source for segment in plan.segments], Arm.BASELINE in job.models
    return InterimAnalysis(job.scenario.gate, job.scenario.objectives, sources, compares=compares, longest=plan.longest)


@dataclass(frozen=True, slots=True)
class _Measurement:
    """What every step of measuring needs."""

    job: Job
    plan: Plan
    world: World
    recorder: Recorder
    progress: Progress
    looking: InterimAnalysis
    ops: OpsLane

    def take(self) -> None:
        clock, plan, job = self.world.clock, self.plan, self.job
        bench = Bench(plan, self.world.machine, clock, np.random.default_rng(plan.seed), clock())
        with TemporaryDirectory(prefix="perfgate-") as scratch:
            setups = arm_setups(job.models, job.prepared.requests, job.scenario, Path(scratch), self.world.host)
            with Servers(plan, setups, self.world) as servers:
                self._make_ready(servers)
                self._foretell()
                with _quiet_collector():
                    left, replicas = plan.segments, looked_at_like(plan.replicas, job.scenario.gate.gates)
                    while left:
                        segment, began_s = left[0], clock()
                        with self._watched(segment, servers, bench):
                            self._fill(segment, servers, bench, sum(map(plan.most_s_of, left[1:])) + self._after_s)
                        spare_s = segment.seconds - (clock() - began_s)
                        most_looks = MOST_TIMES_LOOKS * job.scenario.budget.looks
                        left = lengthened(left[1:], spare_s, most_looks, replicas)
                self.recorder.note(pause_cautions(servers.replicas))
                self._trace(servers, bench, Path(scratch))
                with _quiet_collector():
                    self._search(servers, bench)

    def _make_ready(self, servers: Servers) -> None:
        progress, count = self.progress, len(self.plan.slots)
        later_s = sum(map(self.plan.most_s_of, self.plan.segments)) + self._after_s
        warmup_s = self.plan.warmup_limit_s * count / self.plan.at_once
        with self._phase(Phase(f"start {count} server{'s' * (count != 1)}", later_s=warmup_s + later_s, servers=count)):
            servers.start(lambda count: progress.update(lambda: count))
        self.recorder.note((*observer_cautions(servers.replicas), *server_cautions(servers.replicas)))
        ensure_unchanged(self.job.models)
        with self._phase(Phase("warm-up", later_s=later_s, servers=count)):
            self.recorder.replicas_are(servers.warm_up(lambda count: progress.update(lambda: count)))

    def _foretell(self) -> None:
        """Warn before measuring of decisions that have too little time or too few requests."""
        scenario = self.job.scenario
        found = shortages(self.plan, scenario.gate, scenario.objectives, self.recorder.replicas)
        self.recorder.note(found)
        for caution in (*known_beforehand(self.job), *found):
            self.progress.tell(caution)

    def _fill(self, segment: Segment, servers: Servers, bench: Bench, later_s: float) -> None:
        """Measure until all that this segment decides is decided, or its time is up; looks are at planned instants."""
        looking, source, progress = self.looking, segment.source, self.progress
        seconds, most_s = self.plan.seconds_of(segment), self.plan.most_s_of(segment)
        may_end = self.job.stops_early and self.job.comparison.stored is None
        phase = Phase(_PHASES[segment.lane, segment.depth], most_s, later_s)
        with self._phase(phase) as phase_s:
            bench = replace(bench, between=lambda: progress.update(phase_s))
            for block in blocks(segment, servers.replicas, bench):
                self.recorder.append(block)
                fraction = due(segment.looks, looking.last(source), phase_s() / seconds)
                if fraction is not None:
                    verdicts = looking.look(source, fraction, bench.now_s(), self.recorder.table())
                    progress.stands(looking.standing(verdicts))
                    if may_end and looking.settled(source, verdicts):
                        return
            if looking.last(source) < 1:
                verdicts = looking.look(source, 1.0, bench.now_s(), self.recorder.table())
                progress.stands(looking.standing(verdicts))

    @property
    def _after_s(self) -> float:
        """Return the most time after all segments."""
        return self._trace_s + search_s(self.job.scenario)

    @property
    def _trace_s(self) -> float:
        """Return the most time for timing operations; 0 where that is not wanted, or not possible."""
        wanted = Arm.BASELINE in self.job.models or self.job.profiles
        possible = wanted and self.job.scenario.target.kind in EXECUTING
        return self.job.scenario.budget.explain_s if possible else 0.0

    def _trace(self, servers: Servers, bench: Bench, directory: Path) -> None:
        """Time the operations of both versions where their graphs differ, or those of one that is measured alone.

        The verdict does not wait for it.
        """
        most_s, gate = self._trace_s, self.job.scenario.gate
        if not (most_s and traced_replicas(servers.replicas)):
            return
        with self._phase(Phase("traced executions", most_s, search_s(self.job.scenario))) as phase_s:
            shown = replace(bench, between=lambda: self.progress.update(phase_s))
            if self.job.profiles:
                self.ops.profile(servers.replicas, shown, directory, most_s)
                return
            append, failing = self.recorder.append, self.looking.failing
            asked = METRIC.name in gate.metrics and severity_of(METRIC, gate) is not Severity.OFF
            self.ops.take(servers.replicas, shown, directory, append, most_s, failing=failing, asked=asked)

    def _search(self, servers: Servers, bench: Bench) -> None:
        """Search for the capacity, if the scenario names it; what overloads the servers comes last."""
        seconds, lane = search_s(self.job.scenario), CapacityLane(self.job)
        if not seconds:
            return
        with self._phase(Phase("rates up to the capacity", seconds)) as phase_s:
            shown = replace(bench, between=lambda: self.progress.update(phase_s))
            try:
                lane.take(servers.replicas, seconds, shown)
            finally:
                self.recorder.searched(*lane.known())

    @contextmanager
    def _watched(self, segment: Segment, servers: Servers, bench: Bench) -> Iterator[None]:
        """Sample the servers during the load lane only; the other segments are timed too finely to be sampled."""
        if segment.lane is not Lane.LOAD:
            yield
            return
        watch = LoadWatch(servers.replicas, self.world.sampler, self.world.threads, bench.began_s)
        try:
            with watch:
                yield
        finally:
            self.recorder.watched(watch.timeline, watch.threads)

    @contextmanager
    def _phase(self, phase: Phase) -> Iterator[Callable[[], float]]:
        """Announce a phase and record its duration; yields a function that returns its seconds so far."""
        clock = self.world.clock
        began_s = clock()
        self.progress.phase(phase)
        try:
            yield lambda: clock() - began_s
        finally:
            self.recorder.phase_took(phase.name, clock() - began_s)


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep the garbage collector from pausing the driver in the middle of a trial."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
