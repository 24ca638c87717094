"""`perfgate plan`: an untrained model measured as a run of its own, and the answer made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from perfgate.cautions import CautionKind
from perfgate.errors import UsageError
from perfgate.experiment.plan import trace_of
from perfgate.gate.verdict import ObjectiveVerdict, Verdict
from perfgate.loadgen.arrivals import length_s, mean_rate_rps
from perfgate.loadgen.workers import Workers
from perfgate.model.cache import cache_dir
from perfgate.model.saved_model import signature
from perfgate.pipeline.answer import on_cpus
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.job import Job
from perfgate.pipeline.opening import open_arms
from perfgate.pipeline.options import Options
from perfgate.pipeline.run import run
from perfgate.pipeline.single_job import single_job
from perfgate.pipeline.world import world_of
from perfgate.planning.answer import SCHEMA_VERSION, ObjectiveAnswer, ObjectiveStatus, PlanAnswer
from perfgate.planning.checking import verdict_of
from perfgate.planning.needed import cores_needed, decided_by
from perfgate.planning.promises import promises_of
from perfgate.planning.unseen import unseen_of
from perfgate.results.result import Outcome, Result
from perfgate.scenario.schema import InputSpec, Load, MetricGate, Payload, RequestClass, Scenario
from perfgate.serving.open_files import allow_open_files
from perfgate.sketch.built import SketchFacts
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Caution

SECONDS = 100.0
"""Default time to measure, without building, starts of servers and warm-up."""
_MEASURE, _EXECUTE, _CAPACITY, _PROFILE = 0.4, 0.2, 0.55, 0.05
"""Shares of the time: the objectives, of which executions inside the servers, the capacity, the operations."""
_STATUS = {Verdict.PASS: ObjectiveStatus.HOLDS, Verdict.FAIL: ObjectiveStatus.BREAKS}
_CAPACITY_METRIC = "capacity_rps"
_OVERLOAD = {CautionKind.OVERLOAD.code, CautionKind.OVERLOAD_AT_PEAK.code}


@dataclass(frozen=True, slots=True)
class Times:
    """How long to measure what, in seconds."""

    measure_s: float
    execute_share: float
    capacity_s: float
    profile_s: float

    @classmethod
    def of(cls, seconds: float) -> Times:
        """Divide the time of a plan."""
        return cls(_MEASURE * seconds, _EXECUTE, _CAPACITY * seconds, _PROFILE * seconds)


def fitted(scenario: Scenario, facts: SketchFacts, times: Times) -> Scenario:
    """Return the scenario as a sketch is measured: ids that its tables have, its batch, and the time divided.

    UsageError for ids beyond a table's rows.
    """
    gate = scenario.gate
    if times.capacity_s and _CAPACITY_METRIC not in gate.metrics:
        gate = gate.model_copy(update={"metrics": {**gate.metrics, _CAPACITY_METRIC: MetricGate()}})
    budget = {
        "measure_s": times.measure_s,
        "execute_share": times.execute_share,
        "request_share": 0.0,
        "capacity_s": times.capacity_s,
        "explain_s": times.profile_s,
    }
    return scenario.model_copy(
        update={
            "gate": gate,
            "budget": scenario.budget.model_copy(update=budget),
            "payload": _payload(scenario, facts),
            "classes": {name: _class(scenario, each, facts) for name, each in scenario.classes.items()},
        }
    )


def _payload(scenario: Scenario, facts: SketchFacts) -> Payload:
    payload = scenario.payload
    if payload.source != "signature":
        return payload
    own_batch = facts.batch is not None and "batch_size" not in payload.model_fields_set
    batch = facts.batch if own_batch else payload.batch_size
    return payload.model_copy(update={"inputs": _inputs(scenario, payload, facts), "batch_size": batch})


def _class(scenario: Scenario, one: RequestClass, facts: SketchFacts) -> RequestClass:
    """Return a class whose own ids are in its tables; keys that it leaves out stay so, and come from `payload`."""
    source = one.source if "source" in one.model_fields_set else scenario.payload.source
    if "inputs" not in one.model_fields_set or source != "signature":
        return one
    return one.model_copy(update={"inputs": _inputs(scenario, one, facts)})


def _inputs(scenario: Scenario, payload: Payload, facts: SketchFacts) -> dict[str, InputSpec]:
    return {**payload.inputs, **dict(_ids(scenario, payload.inputs, facts.cardinalities))}


def _ids(
    scenario: Scenario, given: Mapping[str, InputSpec], cardinalities: Mapping[str, int]
) -> Iterator[tuple[str, InputSpec]]:
    patterns: set[str] = set()
    for name, rows in cardinalities.items():
        key = name if name in given else next((each for each in given if fnmatchcase(name, each)), name)
        spec = given.get(key, InputSpec())
        if (spec.low or 0) < 0:
            problem = f"scenario {scenario.name} asks for ids below 0 in {name}, which no table has"
            raise UsageError(problem, f"set low = 0 under [payload.inputs.{key}]")
        if spec.high is None:
            yield name if key in patterns else key, spec.model_copy(update={"high": float(rows)})
            patterns.add(key)  # names go before patterns: the first input of several keeps it in use
        elif spec.high > rows:
            problem = (
                f"scenario {scenario.name} asks for ids up to {spec.high:,.0f} in {name}, whose table has {rows:,}"
            )
            raise UsageError(problem, f"set high = {rows} under [payload.inputs.{key}], or more rows in the sketch")


def opened(facts: SketchFacts, scenario: Scenario, host: Host, scenario_given: str | None) -> Comparison:
    """Open the model that was built, alone, under its scenario."""
    found = open_arms(scenario, {Arm.CANDIDATE: facts.path}, (), cache_dir(host.environ), scenario_given)
    return replace(found, models={arm: replace(model, given=facts.given) for arm, model in found.models.items()})


def measured(comparison: Comparison, options: Options, host: Host, out: Path, *, stops_early: bool = False) -> Result:
    """Measure a comparison into its directory, as `perfgate run` does, with the operations timed."""
    allow_open_files()
    job = replace(single_job(comparison, options, host, out), profiles=True, stops_early=stops_early)
    return run_job(job, host)


def run_job(job: Job, host: Host) -> Result:
    """Run a job in a world of its own."""
    with Workers(job.scenario.load.workers) as workers:
        world = world_of(job.comparison, job.out, host, host.cpus(), job.environment, workers)
        with on_cpus(job.scenario.server.driver_cpus, host):
            return run(job, world, host.progress(), host.interrupts)


def answer_of(facts: SketchFacts, comparison: Comparison, result: Result, table: TrialTable) -> PlanAnswer:
    """Make the answer of a run."""
    scenario, model = comparison.scenario, comparison.models[Arm.CANDIDATE]
    objectives = objectives_of(result, scenario.load)
    return PlanAnswer(
        schema_version=SCHEMA_VERSION,
        plan_id=result.run_id,
        created_utc=result.created_utc,
        perfgate_version=result.perfgate_version,
        complete=result.status is not Outcome.INTERRUPTED,
        sketch=facts,
        scenario=result.scenario,
        scenario_digest=result.scenario_digest,
        verdict=verdict_on(result, objectives),
        objectives=objectives,
        promises=promises_of(table, result.capacity),
        profile=result.profile,
        capacity=result.capacity,
        needed=cores_needed(result.capacity, _mean_rate_rps(scenario.load)),
        unseen=unseen_of(model, signature(model, scenario.payload.signature), scenario, facts.cardinalities),
        notes=_notes(result),
        seconds=result.wall_s,
        seed=int(result.plan["seed"]),
        environment=result.environment,
        fingerprint=result.fingerprint,
    )


def objectives_of(result: Result, load: Load) -> tuple[ObjectiveAnswer, ...]:
    """Return what the gate's tests say of each objective and, where they leave it open, the capacity."""
    judged = map(objective_answer, result.judgement.objectives if result.judgement else ())
    return decided_by(result.capacity, _mean_rate_rps(load), judged)


def _mean_rate_rps(load: Load) -> float | None:
    """Return the load's mean rate, as capacities have it; None for a closed loop."""
    trace_s = trace_of(load)
    return mean_rate_rps(load, length_s(trace_s) if trace_s else 1.0, trace_s)


def verdict_on(result: Result, objectives: Sequence[ObjectiveAnswer]) -> Verdict:
    """Return the verdict on the objectives; invalid if the run was, unless it failed because it is overloaded."""
    found = verdict_of(objectives)
    invalid = result.judgement is None or result.judgement.verdict is Verdict.INVALID
    overloaded = result.status is Outcome.COMPLETE and any(each.code in _OVERLOAD for each in result.cautions)
    return Verdict.INVALID if invalid and not (overloaded and found is Verdict.FAIL) else found


def objective_answer(found: ObjectiveVerdict) -> ObjectiveAnswer:
    """Say in a plan's words what the gate's test said."""
    return ObjectiveAnswer(
        metric=found.metric,
        status=_STATUS.get(found.verdict, ObjectiveStatus.OPEN),
        bound=found.bound,
        is_maximum=found.is_maximum,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        warns=found.warns,
        more=found.more,
    )


def _notes(result: Result) -> tuple[str, ...]:
    """Return why the run is invalid, and its cautions."""
    invalid = result.judgement is not None and result.judgement.verdict is Verdict.INVALID
    reasons = result.judgement.reasons if invalid and result.judgement else ()
    return (*reasons, *map(caution_line, result.cautions))


def caution_line(caution: Caution) -> str:
    """Return a caution with its remedy."""
    return f"{caution.message}: {caution.remedy}" if caution.remedy else caution.message
