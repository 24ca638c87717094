"""`perfgate plan --check`: the trained model beside the untrained one that was planned with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from perfgate.errors import ExitCode, UsageError
from perfgate.formatting import number
from perfgate.gate.verdict import EXIT_CODES, Verdict
from perfgate.model.cache import cache_dir
from perfgate.model.digest import digest
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.opening import open_arms
from perfgate.pipeline.options import Options
from perfgate.pipeline.planned import Times, caution_line, fitted, measured, objectives_of, verdict_on
from perfgate.planning.answer import PlanAnswer
from perfgate.planning.check import SCHEMA_VERSION, CheckedPromise, PlanCheck
from perfgate.planning.checking import checked, measured_of, record_of
from perfgate.report.html.plan_check import write_check
from perfgate.report.terminal.plan_check import check_final_line, print_check
from perfgate.results import plan_check_document, plan_document
from perfgate.results.loader import read_run
from perfgate.results.plan_store import checks_of, keep_check, newest_plan
from perfgate.results.result import Outcome, Result
from perfgate.scenario.schema import Scenario
from perfgate.sketch.builder import Builder
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.source import sketch_of
from perfgate.stats.cross_run import candidate_of, swapped
from perfgate.trials import Arm

SECONDS = 180.0
"""Default time to measure both models."""


@dataclass(frozen=True, slots=True)
class Question:
    """The arguments of the command."""

    plan: str | None
    """Directory of a plan; None: the newest of the scenario in the store."""
    model: str
    store: str
    build_timeout_s: float


def check(question: Question, scenario: Scenario, options: Options, host: Host, out: Path) -> int:
    """Measure, compare, keep and show; writes `plan-check.json` and `plan-check.html`."""
    plan = plan_document.read(Path(question.plan)) if question.plan else newest_plan(question.store, scenario.name)
    if not plan.promises:
        raise UsageError(f"plan {plan.plan_id} promised nothing: it searched a size", "plan with the size it found")
    facts, problem = _untrained(plan, question, host, out)
    wanted = fitted(scenario, facts, Times.of(options.budget or SECONDS))
    arms = {Arm.BASELINE: facts.path, Arm.CANDIDATE: question.model} if not problem else {Arm.CANDIDATE: question.model}
    comparison = open_arms(wanted, arms, (), cache_dir(host.environ), None)
    result = measured(comparison, options, host, out)
    with host.interrupts.held():
        found = _check_of(plan, comparison, result, out, question, problem)
        plan_check_document.write(found, out)
        kept = keep_check(question.store, found) if found.complete and found.verdict is not Verdict.INVALID else ""
        page = write_check(found, out)
        if options.as_json:
            print(plan_check_document.to_json(found), file=host.stdout)
        if not options.quiet:
            print_check(host.console, found, verbose=options.verbose)
            if kept:
                host.console.print(f"kept as {kept}", markup=False, soft_wrap=True)
        host.console.print(check_final_line(found, page), markup=False, soft_wrap=True)
    return EXIT_CODES[found.verdict] if found.complete else ExitCode.INTERRUPTED


def _check_of(  # noqa: PLR0913, PLR0917 - everything that a check is made of
    plan: PlanAnswer, comparison: Comparison, result: Result, out: Path, question: Question, problem: str
) -> PlanCheck:
    _, table = read_run(out)
    trained = measured_of(plan.promises, candidate_of(table), result.capacity, Arm.CANDIDATE)
    beside = Arm.BASELINE in comparison.models
    again = candidate_of(swapped(table)) if beside else None
    untrained = measured_of(plan.promises, again, result.capacity, Arm.BASELINE) if again else {}
    promises = checked(plan.promises, trained, untrained)
    objectives = objectives_of(result, comparison.scenario.load)
    verdict = verdict_on(result, objectives)
    before = [check.promises for check in checks_of(question.store, result.scenario["name"])]
    return PlanCheck(
        schema_version=SCHEMA_VERSION,
        check_id=result.run_id,
        created_utc=result.created_utc,
        perfgate_version=result.perfgate_version,
        complete=result.status is not Outcome.INTERRUPTED,
        plan_id=plan.plan_id,
        sketch=plan.sketch,
        model=question.model,
        model_digest=comparison.models[Arm.CANDIDATE].digest,
        beside=beside,
        promises=promises,
        objectives=objectives,
        verdict=verdict,
        record=record_of([*before, promises] if verdict is not Verdict.INVALID else before),
        notes=(*_notes(plan, result, problem, promises), *map(caution_line, result.cautions)),
        scenario=result.scenario,
        environment=result.environment,
        fingerprint=result.fingerprint,
    )


def _notes(plan: PlanAnswer, result: Result, problem: str, promises: tuple[CheckedPromise, ...]) -> tuple[str, ...]:
    notes = [problem] if problem else []
    if plan.fingerprint != result.fingerprint:
        notes.append("the plan was made on another machine, or with other settings of the server")
    if plan.scenario_digest != result.scenario_digest:
        notes.append("the scenario sends other requests than when the plan was made")
    slowest = max(promises, key=lambda each: abs(each.speed - 1), default=None)
    if slowest is not None and abs(slowest.speed - 1) > 0.02:
        notes.append(f"the untrained model shows {number(slowest.speed)} times its planned {slowest.metric} today")
    return tuple(notes)


def _untrained(plan: PlanAnswer, question: Question, host: Host, out: Path) -> tuple[SketchFacts, str]:
    """Find the untrained model, or build it again; the plan's facts, and why it cannot be measured."""
    facts = plan.sketch
    if Path(facts.path).is_dir() and digest(Path(facts.path)) == facts.model_digest:
        return facts, ""
    try:
        source = sketch_of(facts.given)
        if source.digest != facts.digest:
            return facts, f"{facts.given} has changed since it was planned with, so only stored numbers are compared"
        values = {} if source.kind == "keras" else facts.dimensions
        with Builder(source, host.environ, out / "models", question.build_timeout_s) as builder:
            return replace(facts, path=builder.build(values).path), ""
    except UsageError as error:
        return facts, f"the untrained model cannot be built again, so only stored numbers are compared: {error.problem}"
