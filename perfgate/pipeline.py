"""The main path: plan, serve, measure block by block, judge, stop, publish."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from perfgate import __version__
from perfgate.baseline.drift import moved
from perfgate.baseline.fingerprint import fingerprint
from perfgate.baseline.numbers import StoredBaseline, unlike
from perfgate.baseline.record import Record
from perfgate.errors import InvalidRunError
from perfgate.experiment.cautions import (
    GENERATOR_REMEDY,
    generator_problem,
    load_cautions,
    machine_cautions,
    observer_cautions,
    pause_cautions,
    time_cautions,
    warmup_cautions,
)
from perfgate.experiment.fleet import Fleet, Makers
from perfgate.experiment.lanes import Bench, blocks
from perfgate.experiment.plan import EXECUTING, Plan, Segment, lengthened, make_plan, replicas_that_fit
from perfgate.experiment.setup import arm_setups, ensure_unchanged, record_payloads
from perfgate.experiment.watch import LoadWatch, Sampler
from perfgate.gate.foresight import shortages
from perfgate.gate.judge import judge
from perfgate.gate.looking import Looking, due
from perfgate.gate.stored import judge_stored
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.gate.wording import seen
from perfgate.metrics import BY_NAME
from perfgate.model.interface import Model
from perfgate.observe.interface import MachineObserver
from perfgate.payload.arms import request_differences
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.warmup_assets import recorded_contents
from perfgate.report.advice import Advice
from perfgate.report.progress import Decided, Progress
from perfgate.report.recording import Recording
from perfgate.report.result import ModelFacts, Result
from perfgate.scenario.files import scenario_digest
from perfgate.scenario.schema import Scenario
from perfgate.stats.summarise import summarise
from perfgate.trials import Arm, Caution, Depth, Lane, Subject

_MIB = 1 << 20
_PHASES = {
    (Lane.COST, Depth.EXECUTE): "executions inside the servers",
    (Lane.COST, Depth.REQUEST): "single requests",
    (Lane.LOAD, Depth.REQUEST): "the scenario's load",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for."""

    command: tuple[str, ...]
    run_id: str
    scenario: Scenario
    models: Mapping[Arm, Model]
    """The candidate, and the baseline where there is one."""
    baseline_name: str | None
    seed: int
    out: Path
    record: Record | None = None
    """The stored baseline that is measured again as the baseline arm, if that is what it is."""
    stored: StoredBaseline | None = None
    """The stored baseline whose numbers the candidate alone is compared with, if that is what is asked."""
    stops_early: bool = True
    """Whether a lane ends when all that it decides is decided; else it takes its time."""
    advice: Advice = field(default_factory=Advice)
    """What a calibration of this scenario says beforehand, where there is one."""


class Interrupts(Protocol):
    """What came of ^C."""

    @property
    def happened(self) -> bool:
        """Tell whether one came; inside a C library's callback it surfaces as that library's error."""

    def held(self) -> AbstractContextManager[None]:
        """Let what is inside finish."""


@dataclass(frozen=True, slots=True)
class World:
    """What a run touches outside of perfgate; tests give fakes."""

    makers: Makers
    machine: MachineObserver
    sampler: Callable[[Sequence[Subject]], Sampler]
    threads: Callable[[Subject], Mapping[str, float]]
    """CPU time of a server's threads by kind, ms."""
    progress: Progress
    now: Callable[[], datetime]
    environment: Mapping[str, Any]
    available_mib: float
    interrupts: Interrupts


def run(job: Job, world: World) -> Result:
    """Measure, judge and publish; an interrupted or invalid run is published too, with what it has."""
    plan, payloads = _prepare(job, world)
    began_s = world.makers.clock()
    status = "complete"
    verdict_of: Callable[[Job, Plan, Recording], Judgement] = _judged
    sources, compares = [segment.source for segment in plan.segments], Arm.BASELINE in job.models
    looking = Looking(job.scenario.gate, job.scenario.objectives, sources, compares=compares, longest=plan.longest)
    with Recording(_started(job, world, plan, payloads), job.out, looking) as recording, world.progress:
        try:
            _measure(job, world, plan, payloads, recording)
        except InvalidRunError as error:
            status, verdict_of = "invalid", _because(error)
        except (KeyboardInterrupt, Exception) as error:
            if not (isinstance(error, KeyboardInterrupt) or world.interrupts.happened):
                raise
            status = "interrupted"
        with world.interrupts.held():
            if status == "interrupted" and not recording.blocks:
                verdict_of = _nothing_measured
            judgement = verdict_of(job, plan, recording)
            cautions = _cautions(job, world, plan, recording)
            return recording.finish(judgement, status, world.makers.clock() - began_s, cautions)


def _cautions(job: Job, world: World, plan: Plan, recording: Recording) -> tuple[Caution, ...]:
    since = () if job.record is None else moved(job.record, summarise(recording.log.table()), world.environment)
    return (
        *request_differences(job.models, job.scenario),
        *warmup_cautions(recording.replicas),
        *load_cautions(recording.blocks, plan),
        *time_cautions(sum(block.wall_s for block in recording.blocks), plan),
        *machine_cautions(recording.blocks),
        *since,
    )


def _prepare(job: Job, world: World) -> tuple[Plan, dict[Arm, RecordedPayload]]:
    budget = job.scenario.budget
    largest_mib = max(model.size_bytes for model in job.models.values()) / _MIB
    kind = job.scenario.target.kind
    replicas = replicas_that_fit(
        kind, budget.replicas, len(job.models), budget.parents, world.available_mib, largest_mib
    )
    arms = tuple(arm for arm in Arm if arm in job.models)
    request_differences(job.models, job.scenario)  # raises where the arms cannot be asked the same
    plan = make_plan(job.scenario, arms, job.seed, replicas, executes=kind in EXECUTING)
    return plan, record_payloads(job.models, job.scenario)


def _started(job: Job, world: World, plan: Plan, payloads: Mapping[Arm, RecordedPayload]) -> Result:
    server = job.scenario.server.model_dump(mode="json")
    wanted, got = job.scenario.budget.replicas, len(plan.slots) // len(job.models)
    short = Caution("memory", f"memory is short: {got} replicas an arm instead of {wanted}", "free memory for more")
    return Result(
        run_id=job.run_id,
        created_utc=world.now().isoformat(timespec="seconds"),
        perfgate_version=__version__,
        status="running",
        command=job.command,
        comparison=_comparison(job),
        baseline_name=job.baseline_name,
        scenario=job.scenario.model_dump(mode="json"),
        scenario_digest=scenario_digest(job.scenario, recorded_contents(job.models[Arm.CANDIDATE], job.scenario)),
        payload_digest=payloads[Arm.CANDIDATE].digest,
        models={arm.value: _facts(model) for arm, model in job.models.items()},
        plan=plan.as_dict() | job.advice.plan,
        environment=dict(world.environment),
        fingerprint=fingerprint(world.environment, server),
        judgement=None,
        cautions=(*((short,) if got < wanted else ()), *_unlike(job, payloads, plan), *job.advice.cautions),
        stored=None if job.stored is None else job.stored.facts,
    )


def _comparison(job: Job) -> str:
    if job.stored is not None:
        return "stored numbers"
    return "side by side" if Arm.BASELINE in job.models else "none"


def _unlike(job: Job, payloads: Mapping[Arm, RecordedPayload], plan: Plan) -> tuple[Caution, ...]:
    if job.stored is None:
        return ()
    return (*job.stored.cautions, *unlike(job.stored, payloads[Arm.CANDIDATE].digest, len(plan.slots)))


def _facts(model: Model) -> ModelFacts:
    return ModelFacts(model.given, str(model.path), model.digest, model.version, model.size_bytes / _MIB)


def _measure(job: Job, world: World, plan: Plan, payloads: Mapping[Arm, RecordedPayload], recording: Recording) -> None:
    clock = world.makers.clock
    bench = Bench(plan, world.machine, clock, np.random.default_rng(plan.seed), clock())
    with TemporaryDirectory(prefix="perfgate-") as scratch:
        setups = arm_setups(job.models, payloads, job.scenario, Path(scratch))
        with Fleet(plan, setups, world.makers) as fleet:
            with _phase(
                f"start {len(plan.slots)} server{'s' * (len(plan.slots) != 1)}", None, world, recording
            ) as starting_s:
                fleet.start(lambda _: world.progress.update(starting_s(), ()))
            recording.note(observer_cautions(fleet.replicas))
            ensure_unchanged(job.models)
            with _phase("warm-up", None, world, recording) as warming_s:
                recording.replicas_are(fleet.warm_up(lambda _: world.progress.update(warming_s(), ())))
            _foretell(job, world, plan, recording)
            with _quiet_collector():
                left = plan.segments
                while left:
                    segment, began_s = left[0], clock()
                    with _watched(world, segment, fleet, bench, recording):
                        _measure_segment(job, world, segment, fleet, bench, recording)
                    left = lengthened(left[1:], segment.seconds - (clock() - began_s))
            recording.note(pause_cautions(fleet.replicas))


def _foretell(job: Job, world: World, plan: Plan, recording: Recording) -> None:
    """Say before measuring what will have too little time or too few requests to be decided."""
    found = shortages(plan, job.scenario.gate, job.scenario.objectives, recording.replicas)
    recording.note(found)
    for caution in (*job.advice.cautions, *found):
        world.progress.tell(caution)


def _measure_segment(  # noqa: PLR0913, PLR0917 - everything a segment touches
    job: Job, world: World, segment: Segment, fleet: Fleet, bench: Bench, recording: Recording
) -> None:
    """Measure until all that this segment decides is decided, or its time is up; looks are at planned instants."""
    looking, seconds, decided = recording.looking, bench.plan.seconds_of(segment), _words(())
    with _phase(_PHASES[segment.lane, segment.depth], seconds, world, recording) as phase_s:
        for block in blocks(segment, fleet.replicas, bench):
            recording.append(block)
            fraction = due(segment.looks, looking.last(segment.source), phase_s() / seconds)
            if fraction is not None:
                verdicts = looking.look(segment.source, fraction, bench.now_s(), recording.log.table())
                decided = _words(verdicts)
                if job.stops_early and job.stored is None and looking.settled(segment.source, verdicts):
                    return
            world.progress.update(phase_s(), decided)
        if looking.last(segment.source) < 1:
            looking.look(segment.source, 1.0, bench.now_s(), recording.log.table())


@contextmanager
def _watched(world: World, segment: Segment, fleet: Fleet, bench: Bench, recording: Recording) -> Iterator[None]:
    """Sample the servers during the load lane; the others are too finely timed to have anything beside them."""
    if segment.lane is not Lane.LOAD:
        yield
        return
    watch = LoadWatch(fleet.replicas, world.sampler, world.threads, bench.began_s)
    try:
        with watch:
            yield
    finally:
        recording.watched(watch.timeline, watch.threads)


@contextmanager
def _phase(name: str, seconds: float | None, world: World, recording: Recording) -> Iterator[Callable[[], float]]:
    """Announce a phase and keep how long it took; gives its seconds so far."""
    clock = world.makers.clock
    began_s = clock()
    world.progress.phase(name, seconds)
    try:
        yield lambda: clock() - began_s
    finally:
        recording.phase_took(name, clock() - began_s)


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep the garbage collector from pausing the driver in the middle of a trial."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _words(verdicts: Sequence[MetricVerdict]) -> Decided:
    return tuple((each.metric, f"{seen(BY_NAME[each.metric], each.effect)} {each.verdict}") for each in verdicts)


def _judged(job: Job, plan: Plan, recording: Recording) -> Judgement:
    table, gate, objectives = recording.log.table(), job.scenario.gate, job.scenario.objectives
    if job.stored is None:
        judgement = judge(table, gate, objectives, recording.looking.taken, job.scenario.budget.measure_s)
    else:
        judgement = judge_stored(table, gate, objectives, job.stored.numbers)
    if (problem := generator_problem(recording.blocks, plan)) is None:
        return judgement
    reasons = (problem, GENERATOR_REMEDY, *judgement.reasons)
    return replace(judgement, verdict=Verdict.INVALID, headline=problem, reasons=reasons)


def _nothing_measured(_job: Job, _plan: Plan, _recording: Recording) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, "before anything was measured", (), (), ())


def _because(error: InvalidRunError) -> Callable[[Job, Plan, Recording], Judgement]:
    reasons = tuple(text for text in (error.problem, error.remedy) if text)
    return lambda _job, _plan, _recording: Judgement(Verdict.INVALID, error.problem, (), (), reasons)
