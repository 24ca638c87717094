"""What `perfgate explain` is asked, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from perfgate.errors import ExitCode, UsageError
from perfgate.explain.explanation import Explanation, StageChange
from perfgate.explain.sentences import cause_lines
from perfgate.model.cache import cache_dir
from perfgate.model.digest import digest
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.explain import explained, stage_changes
from perfgate.pipeline.extra_files import make_ready, reporting_failure
from perfgate.pipeline.host import Host
from perfgate.pipeline.opening import open_arms
from perfgate.pipeline.options import Options
from perfgate.pipeline.stored import all_with_stored
from perfgate.pipeline.trace import TracedRun
from perfgate.pipeline.trace_file import write_trace
from perfgate.report.html.explanation import write_explanation
from perfgate.report.terminal.explanation import print_explanation
from perfgate.results import document, explanation_document
from perfgate.results.recorder import not_writable
from perfgate.results.result import Result
from perfgate.results.scenario import scenario_of
from perfgate.scenario.files import FOLDERS, load_scenario
from perfgate.scenario.schema import Server
from perfgate.serving.endpoint_url import is_endpoint
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class Question:
    """The arguments of the command."""

    models: tuple[str, ...]
    """OLD and NEW; the candidate, with a stored baseline; or a run's directory."""
    baseline: str | None
    store: str
    old_scenario: str | None
    trace_file: Path | None


def answer(question: Question, options: Options, host: Host) -> int:
    """Explain, print, and write `explain.json` and `explain.html`."""
    asked = _asked(question, options, host)
    comparison = asked.comparison
    created, name = host.now(), comparison.scenario.name
    run_id = f"{created:%Y%m%dT%H%M%SZ}-{name}-explain-{host.random_bits(32):08x}"
    out = options.out or Path("reports") / run_id
    server = _old_server(question)
    _make_ready(out, question.trace_file)
    explanation, traced = explained(comparison, options, host, out, baseline_server=server, stages=asked.stages)
    explanation_document.write(explanation, out)
    page = write_explanation(explanation, out)
    if question.trace_file is not None:
        _write_trace(question.trace_file, traced, host)
    if options.as_json:
        print(explanation_document.to_json(explanation), file=host.stdout)
    if not options.quiet:
        print_explanation(host.console, explanation, verbose=options.verbose)
    host.console.print(_final_line(explanation, page), markup=False, soft_wrap=True)
    return _exit_code(explanation)


def _make_ready(out: Path, trace_file: Path | None) -> None:
    """Find out before measuring whether the answer can be written; UsageError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(out, error) from error
    if trace_file is not None:
        make_ready(trace_file, "--trace")


def _write_trace(file: Path, traced: TracedRun | None, host: Host) -> None:
    if traced is None:
        host.console.print(f"perfgate: {file} is not written: nothing was traced", markup=False, soft_wrap=True)
        return
    with reporting_failure(file, host.console):
        write_trace(traced, file)


def _final_line(explanation: Explanation, page: Path) -> str:
    """Name the first cause, and the page."""
    first = cause_lines(explanation, 1)
    if first:
        return f"EXPLAINED {first[0]}; report: {page}"
    if explanation.not_traced:
        return f"INVALID {explanation.not_traced}; report: {page}"
    return f"NO CAUSE FOUND; report: {page}"


def _exit_code(explanation: Explanation) -> ExitCode:
    """Return INVALID if nothing was found because nothing could be traced."""
    return ExitCode.INVALID if explanation.not_traced and not explanation.causes else ExitCode.PASS


@dataclass(frozen=True, slots=True)
class _Asked:
    comparison: Comparison
    stages: tuple[StageChange, ...] = ()
    """Of requests under load, where a run measured them."""


def _asked(question: Question, options: Options, host: Host) -> _Asked:
    if len(options.scenarios) > 1:
        raise UsageError(f"{len(options.scenarios)} scenarios", "explain one scenario at a time")
    if running := [model for model in question.models if is_endpoint(model)]:
        raise UsageError(f"{running[0]} is a running server, which cannot be traced", "explain the models on disk")
    if question.baseline is not None:
        alone = options.comparisons(host, candidate=question.models[0])
        (found,) = all_with_stored(alone, question.store, question.baseline, options, host, numbers_only=False)
        if Arm.BASELINE not in found.models:
            problem = f"baseline {question.baseline} has numbers only, and no model to trace"
            raise UsageError(problem, "explain with the old model itself: perfgate explain OLD NEW")
        return _Asked(found)
    if len(question.models) == len(Arm):
        old, new = question.models
        return _Asked(options.comparisons(host, baseline=old, candidate=new)[0])
    result = document.read(_run(question.models[0]))
    return _Asked(_of_run(result, options, host), stage_changes(result.stages))


def _run(given: str) -> Path:
    path = Path(given)
    if not path.exists():
        raise UsageError(f"{given} does not exist", "name a run's directory, or two models: perfgate explain OLD NEW")
    if not (path / document.FILE_NAME).is_file() and path.name != document.FILE_NAME:
        raise UsageError(f"{given} is not a run", "name a run's directory, or two models: perfgate explain OLD NEW")
    return path


def _of_run(result: Result, options: Options, host: Host) -> Comparison:
    """Open what a run compared; UsageError if it is gone or was changed."""
    if len(result.models) < len(Arm):
        raise UsageError(f"run {result.run_id} measured one model only", "explain two: perfgate explain OLD NEW")
    for facts in result.models.values():
        if "://" in facts.path:
            raise UsageError(f"{facts.given} is a running server, which cannot be traced", "explain the models on disk")
        if not Path(facts.path).is_dir() or digest(Path(facts.path)) != facts.digest:
            problem = f"{facts.path} has changed since run {result.run_id} measured it, or is gone"
            raise UsageError(problem, "explain the models themselves: perfgate explain OLD NEW")
    scenario = options.adjusted(scenario_of(result.scenario))
    paths = {arm: result.models[arm].path for arm in Arm}
    found = open_arms(scenario, paths, (), cache_dir(host.environ))
    named = {arm: replace(model, given=result.models[arm].given) for arm, model in found.models.items()}
    return replace(found, models=named)


def _old_server(question: Question) -> Server | None:
    return None if question.old_scenario is None else load_scenario(question.old_scenario, FOLDERS).server
