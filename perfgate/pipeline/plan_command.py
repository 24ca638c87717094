"""What `perfgate plan` is asked, and what it leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from perfgate.baseline.place import StoreLocation
from perfgate.errors import ExitCode, UsageError
from perfgate.gate.objectives import judged_objectives
from perfgate.gate.verdict import EXIT_CODES, Verdict
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.plan_check import Question as Checked
from perfgate.pipeline.plan_check import check
from perfgate.pipeline.planned import SECONDS, Times, answer_of, fitted, measured, opened
from perfgate.pipeline.scale import FRONTIER, Search, check_ranges, scaled
from perfgate.pipeline.scale import SECONDS as SCALE_SECONDS
from perfgate.planning.answer import PlanAnswer
from perfgate.report.html.plan import write_plan
from perfgate.report.terminal.plan import final_line, print_plan
from perfgate.results import plan_document
from perfgate.results.loader import read_run
from perfgate.results.plan_store import keep_plan
from perfgate.results.recorder import not_writable
from perfgate.scenario.schema import Scenario
from perfgate.sketch.builder import Builder
from perfgate.sketch.dimensions import Range
from perfgate.sketch.source import sketch_of


@dataclass(frozen=True, slots=True)
class Question:
    """The arguments of the command."""

    sketch: str | None
    """The sketch; with `model`, the directory of a plan, or None for the newest one."""
    values: dict[str, int]
    """Dimensions that were set."""
    ranges: tuple[Range, ...]
    """Dimensions to vary: none, one or two."""
    build_timeout_s: float
    model: str | None
    """The trained model that a plan is checked by."""
    keep: bool
    """Whether the plan is kept in the store."""
    store: str


def answer(question: Question, options: Options, host: Host) -> int:
    """Build, measure, print, and write `plan.json` and `plan.html`, or those of a check."""
    scenario = asked(options)
    check_ranges(question.ranges, judged_objectives(scenario.objectives), question.values)
    if question.keep:
        StoreLocation(question.store)  # what is wrong with it is said now, not after everything is measured
    source = None if question.model or question.sketch is None else sketch_of(question.sketch)
    created = host.now()
    run_id = f"{created:%Y%m%dT%H%M%SZ}-{scenario.name}-plan-{host.random_bits(32):08x}"
    out = options.out or Path("reports") / run_id
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(out, error) from error
    if question.model is not None or source is None:
        asked_of = Checked(question.sketch, question.model or "", question.store, question.build_timeout_s)
        with _leaving_nothing(out):
            return check(asked_of, scenario, options, host, out)
    with _leaving_nothing(out), Builder(source, host.environ, out / "models", question.build_timeout_s) as builder:
        find = _scaled if question.ranges else _planned
        found = find(builder, question, scenario, options, host, out)
    with host.interrupts.held():
        plan_document.write(found, out)
        kept = _kept(found, question.store) if question.keep else ""
        page = write_plan(found, out)
        if options.as_json:
            print(plan_document.to_json(found), file=host.stdout)
        if not options.quiet:
            print_plan(host.console, found, verbose=options.verbose)
            if kept:
                host.console.print(kept, markup=False, soft_wrap=True)
        host.console.print(final_line(found, page), markup=False, soft_wrap=True)
    return exit_code(found)


def _kept(found: PlanAnswer, store: str) -> str:
    """Keep a plan, and say where; one that was interrupted or is invalid promises nothing."""
    if not found.complete:
        return "not kept: it was interrupted"
    if found.verdict is Verdict.INVALID:
        return "not kept: the run is invalid"
    return f"kept as {keep_plan(store, found)}"


@contextmanager
def _leaving_nothing(out: Path) -> Iterator[None]:
    """Remove what a mistake or ^C leaves: the builder's log, and the directory if nothing else is in it."""
    try:
        yield
    except (UsageError, KeyboardInterrupt):
        shutil.rmtree(out / "models", ignore_errors=True)
        with suppress(OSError):
            out.rmdir()
        raise


def _planned(  # noqa: PLR0913, PLR0917 - the question, and what it is answered with
    builder: Builder, question: Question, scenario: Scenario, options: Options, host: Host, out: Path
) -> PlanAnswer:
    facts = builder.build(question.values)
    builder.stop()  # nothing else runs while it is measured
    times = Times.of(options.budget or SECONDS)
    given = options.scenarios[0] if options.scenarios else None
    comparison = opened(facts, fitted(scenario, facts, times), host, given)
    result = measured(comparison, options, host, out)
    return answer_of(facts, comparison, result, read_run(out)[1])


def _scaled(  # noqa: PLR0913, PLR0917 - as above
    builder: Builder, question: Question, scenario: Scenario, options: Options, host: Host, out: Path
) -> PlanAnswer:
    search = Search(builder, scenario, question.values, options, host, out)
    seconds = options.budget or SCALE_SECONDS * (1 if len(question.ranges) == 1 else FRONTIER)
    return scaled(search, question.ranges, seconds, out.name)


def asked(options: Options) -> Scenario:
    """Return the scenario, which must have objectives; UsageError otherwise."""
    if len(options.scenarios) > 1:
        raise UsageError(f"{len(options.scenarios)} scenarios", "plan for one scenario at a time")
    (scenario,) = options.load_scenarios()
    if not judged_objectives(scenario.objectives):
        problem = f"scenario {scenario.name} has no objectives, so there is nothing to hold"
        raise UsageError(problem, "add one, such as [objectives.latency_p99_ms] with max = 10")
    if scenario.target.kind not in {"embedded", "in_process"}:
        problem = (
            f'a sketch is served by perfgate, but scenario {scenario.name} has target.kind "{scenario.target.kind}"'
        )
        raise UsageError(problem, 'use target.kind = "embedded"')
    return scenario


def exit_code(found: PlanAnswer) -> ExitCode:
    """Return the exit code: that of the gate's verdict on the objectives."""
    return EXIT_CODES[found.verdict] if found.complete else ExitCode.INTERRUPTED
