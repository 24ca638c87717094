"""What `perfgate capacity` is asked, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from perfgate.capacity.answer import CapacityAnswer, CapacityKind
from perfgate.capacity.servers_needed import servers_needed
from perfgate.errors import ExitCode, UsageError
from perfgate.gate.verdict import EXIT_CODES
from perfgate.pipeline.capacity import answer_of, measured
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.stored import all_with_stored
from perfgate.pipeline.tune import ensure_tunable, tuned
from perfgate.report.formats.capacity_csv import write_csv
from perfgate.report.html.capacity import write_capacity
from perfgate.report.terminal.capacity import final_line, print_capacity
from perfgate.results import capacity_document
from perfgate.results.recorder import not_writable
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class Demand:
    """What a fleet has to carry."""

    rate_rps: float
    headroom: float
    spare: int
    cost_per_hour: float | None


@dataclass(frozen=True, slots=True)
class Question:
    """The arguments of the command."""

    models: tuple[str, ...]
    """MODEL, or OLD and NEW."""
    baseline: str | None
    store: str
    demand: Demand | None
    tune: bool = False
    """Whether to try other settings of the server too."""


def answer(question: Question, options: Options, host: Host) -> int:
    """Search, print, and write `capacity.json`, `capacity.csv` and `capacity.html`."""
    comparison = _asked(question, options, host)
    if question.tune:
        ensure_tunable(comparison, options.budget)
    created, name = host.now(), comparison.scenario.name
    out = options.out or Path("reports") / f"{created:%Y%m%dT%H%M%SZ}-{name}-capacity-{host.random_bits(32):08x}"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(out, error) from error
    find = tuned if question.tune else _searched
    found = find(comparison, options, host, out)
    with host.interrupts.held():
        result = _with_needs(found, question.demand)
        capacity_document.write(result, out)
        write_csv(result, out)
        page = write_capacity(result, out)
        if options.as_json:
            print(capacity_document.to_json(result), file=host.stdout)
        if not options.quiet:
            print_capacity(host.console, result, verbose=options.verbose)
        host.console.print(final_line(result, page), markup=False, soft_wrap=True)
    return exit_code(result)


def _searched(comparison: Comparison, options: Options, host: Host, out: Path) -> CapacityAnswer:
    return answer_of(measured(comparison, options, host, out))


def _with_needs(result: CapacityAnswer, demand: Demand | None) -> CapacityAnswer:
    if demand is None:
        return result
    needs = servers_needed(result, demand.rate_rps, demand.headroom, demand.spare, demand.cost_per_hour)
    return replace(result, needs=needs)


def exit_code(result: CapacityAnswer) -> ExitCode:
    """Return the exit code: that of the change's verdict; for one version, whether its capacity is known."""
    if not result.complete:
        return ExitCode.INTERRUPTED
    kinds = {arm.kind for arm in result.arms}
    if CapacityKind.GENERATOR in kinds:
        return ExitCode.INVALID
    if result.change is not None:
        return EXIT_CODES[result.change.verdict]
    return ExitCode.INCONCLUSIVE if len(result.arms) > 1 or CapacityKind.OPEN in kinds else ExitCode.PASS


def _asked(question: Question, options: Options, host: Host) -> Comparison:
    if len(options.scenarios) > 1:
        raise UsageError(f"{len(options.scenarios)} scenarios", "search the capacity of one scenario at a time")
    if len(question.models) == len(Arm):
        old, new = question.models
        return options.comparisons(host, baseline=old, candidate=new)[0]
    alone = options.comparisons(host, candidate=question.models[0])
    if question.baseline is None:
        return alone[0]
    (found,) = all_with_stored(alone, question.store, question.baseline, options, host, numbers_only=False)
    if Arm.BASELINE not in found.models:
        problem = f"baseline {question.baseline} has numbers only, and no model to serve"
        raise UsageError(problem, "search with the old model itself: perfgate capacity OLD NEW")
    return found
