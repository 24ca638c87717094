"""What `perfgate plan` is asked, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import ExitCode, UsageError
from perfgate.gate.objectives import judged_objectives
from perfgate.gate.verdict import EXIT_CODES
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.planned import SECONDS, Times, answer_of, fitted, measured, opened
from perfgate.pipeline.scale import FRONTIER, Search, check_ranges, scaled
from perfgate.pipeline.scale import SECONDS as SCALE_SECONDS
from perfgate.planning.answer import PlanAnswer
from perfgate.report.html.plan import write_plan
from perfgate.report.terminal.plan import final_line, print_plan
from perfgate.results import plan_document
from perfgate.results.recorder import not_writable
from perfgate.scenario.schema import Scenario
from perfgate.sketch.builder import Builder
from perfgate.sketch.dimensions import Range
from perfgate.sketch.source import SketchSource


@dataclass(frozen=True, slots=True)
class Question:
    """The arguments of the command."""

    source: SketchSource
    values: dict[str, int]
    """Dimensions that were set."""
    ranges: tuple[Range, ...]
    """Dimensions to vary: none, one or two."""
    build_timeout_s: float


def answer(question: Question, options: Options, host: Host) -> int:
    """Build, measure, print, and write `plan.json` and `plan.html`."""
    scenario = asked(options)
    created = host.now()
    run_id = f"{created:%Y%m%dT%H%M%SZ}-{scenario.name}-plan-{host.random_bits(32):08x}"
    out = options.out or Path("reports") / run_id
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(out, error) from error
    find = _scaled if question.ranges else _planned
    found = find(question, scenario, options, host, out)
    with host.interrupts.held():
        plan_document.write(found, out)
        page = write_plan(found, out)
        if options.as_json:
            print(plan_document.to_json(found), file=host.stdout)
        if not options.quiet:
            print_plan(host.console, found, verbose=options.verbose)
        host.console.print(final_line(found, page), markup=False, soft_wrap=True)
    return exit_code(found)


def _planned(question: Question, scenario: Scenario, options: Options, host: Host, out: Path) -> PlanAnswer:
    with Builder(question.source, host.environ, out / "models", question.build_timeout_s) as builder:
        facts = builder.build(question.values)
    times = Times.of(options.budget or SECONDS)
    given = options.scenarios[0] if options.scenarios else None
    comparison = opened(facts, fitted(scenario, facts, times), host, given)
    return answer_of(facts, comparison, measured(comparison, options, host, out), out)


def _scaled(question: Question, scenario: Scenario, options: Options, host: Host, out: Path) -> PlanAnswer:
    check_ranges(question.ranges, scenario.objectives)
    with Builder(question.source, host.environ, out / "models", question.build_timeout_s) as builder:
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
    return EXIT_CODES[found.verdict] if found.complete or found.verdict.value == "invalid" else ExitCode.INTERRUPTED
