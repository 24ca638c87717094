"""`run()`: the main path on one screen."""

from __future__ import annotations

from collections.abc import Callable

from perfgate.errors import InvalidRunError
from perfgate.experiment.plan import (
    EXECUTING,
    Plan,
    loading_mib,
    make_plan,
    replicas_that_fit,
    size_in_memory_mib,
)
from perfgate.experiment.setup import record_payloads
from perfgate.gate.looking import Looking
from perfgate.gate.verdict import Judgement
from perfgate.model.interface import Model
from perfgate.model.locate import GRAPH_FILE
from perfgate.payload.arms import request_differences
from perfgate.payload.interface import RecordedPayload
from perfgate.pipeline.job import Job, World
from perfgate.pipeline.judging import because, cautions_of, judged, nothing_measured
from perfgate.pipeline.measuring import Measuring
from perfgate.pipeline.started import MIB, started
from perfgate.results.recorder import Recording
from perfgate.results.result import Result
from perfgate.trials import Arm


def run(job: Job, world: World) -> Result:
    """Measure, judge and publish; an interrupted or invalid run is published too, with what it has."""
    plan, payloads = _prepare(job, world)
    began_s = world.makers.clock()
    status = "complete"
    verdict_of: Callable[[Measuring], Judgement] = judged
    looking = _looking(job, plan)
    with Recording(started(job, world, plan, payloads), job.out) as recording, world.progress:
        measuring = Measuring(job, world, plan, recording, looking)
        try:
            measuring.measure(payloads)
        except InvalidRunError as error:
            status, verdict_of = "invalid", because(error)
        except (KeyboardInterrupt, Exception) as error:
            if not (isinstance(error, KeyboardInterrupt) or world.interrupts.happened):
                raise
            status = "interrupted"
        with world.interrupts.held():
            if status == "interrupted" and not recording.blocks:
                verdict_of = nothing_measured
            judgement = verdict_of(measuring)
            wall_s = world.makers.clock() - began_s
            return recording.finish(judgement, looking.taken, status, wall_s, cautions_of(measuring, judgement))


def _prepare(job: Job, world: World) -> tuple[Plan, dict[Arm, RecordedPayload]]:
    budget = job.scenario.budget
    sizes = [_sizes_mib(model) for model in job.models.values()]
    largest_mib = max(size_in_memory_mib(*each) for each in sizes)
    kind = job.scenario.target.kind
    if kind in EXECUTING:
        _require_room_for_one(max(loading_mib(*each) for each in sizes), world.available_mib)
    replicas = replicas_that_fit(
        kind, budget.replicas, len(job.models), budget.parents, world.available_mib, largest_mib
    )
    arms = tuple(arm for arm in Arm if arm in job.models)
    request_differences(job.models, job.scenario)  # raises where the arms cannot be asked the same
    executes, at_once = kind in EXECUTING, world.makers.at_once
    plan = make_plan(job.scenario, arms, job.seed, replicas, executes=executes, at_once=at_once)
    return plan, record_payloads(job.models, job.scenario)


def _sizes_mib(model: Model) -> tuple[float, float]:
    """Give the size of a model's variables, with its other files, and that of its graph."""
    graph = model.path / GRAPH_FILE
    graph_mib = graph.stat().st_size / MIB if model.size_bytes and graph.is_file() else 0.0
    return model.size_bytes / MIB - graph_mib, graph_mib


def _require_room_for_one(needed_mib: float, available_mib: float) -> None:
    """Raise InvalidRunError where not even one server could load its model."""
    if needed_mib > available_mib:
        problem = f"not enough memory: one server needs about {needed_mib / 1024:.2g} GiB while it loads its model"
        raise InvalidRunError(
            f"{problem}, and {available_mib / 1024:.2g} GiB is free",
            "free memory, keep weights in variables rather than in constants, or use a larger machine",
        )


def _looking(job: Job, plan: Plan) -> Looking:
    sources, compares = [segment.source for segment in plan.segments], Arm.BASELINE in job.models
    return Looking(job.scenario.gate, job.scenario.objectives, sources, compares=compares, longest=plan.longest)
