"""Comparisons in sequence: each is measured, shown and published, and the worst one sets the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perfgate.baseline.fingerprint import environment
from perfgate.errors import ExitCode
from perfgate.gate.verdict import EXIT_CODES, Verdict
from perfgate.loadgen.low_jitter import realtime_permitted
from perfgate.pipeline.advise import advise
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.job import Job
from perfgate.pipeline.load_engine import workers_of
from perfgate.pipeline.options import Options
from perfgate.pipeline.prepare import Prepared, prepare
from perfgate.pipeline.run import run
from perfgate.pipeline.world import world_of
from perfgate.report.html import page
from perfgate.report.terminal.result import final_line, print_result
from perfgate.results import document
from perfgate.results.advice import Advice
from perfgate.results.result import ComparisonKind, Outcome, Result
from perfgate.sanitize import one_line
from perfgate.serving.open_files import allow_open_files

_WORST_FIRST = (ExitCode.INTERRUPTED, ExitCode.INVALID, ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.PASS)


def prepare_all(comparisons: Iterable[Comparison], host: Host) -> tuple[Prepared, ...]:
    """Prepare all comparisons, so that an error in the last one is found before the first one is measured."""
    cpus = host.cpus()
    return tuple(prepare(each, cpus) for each in comparisons)


def answer_all(comparisons: Iterable[Comparison], options: Options, host: Host) -> int:
    """Measure the comparisons in sequence, show each result, and return the worst exit code."""
    prepared = prepare_all(comparisons, host)
    many = len(options.scenarios) > 1
    results: list[Result] = []
    for each in prepared:
        result, out = answer(each, options, host, many=many)
        results.append(result)
        if last := each is prepared[-1] or result.status is Outcome.INTERRUPTED:
            options.ci_output.write(results, host)  # before the final line, which comes last
        show(result, out, options, host)
        if last:
            break
    if options.as_json:
        documents = [document.to_json(result) for result in results]
        print(f"[{','.join(documents)}]" if many else documents[0], file=host.stdout)
    codes = [exit_code(result, options) for result in results]
    return next(code for code in _WORST_FIRST if code in codes)


def answer(
    prepared: Prepared, options: Options, host: Host, *, many: bool, stops_early: bool = True
) -> tuple[Result, Path]:
    """Measure one comparison, and return its result and the directory that it was written to.

    `many`: whether it is one of several scenarios, each of which has a directory of its own below --out.
    """
    comparison, created = prepared.comparison, host.now()
    name, cpus = comparison.scenario.name, host.cpus()
    seed = host.random_bits(32) if options.seed is None else options.seed
    run_id = f"{created:%Y%m%dT%H%M%SZ}-{name}-{host.random_bits(32):08x}"  # two runs may start at the same time
    out = (options.out / name if many else options.out) if options.out else Path("reports") / run_id
    facts = environment(host.environ) | {"generator_realtime": realtime_permitted()}
    allow_open_files()
    with workers_of(comparison, options, host.environ) as workers:
        world = world_of(comparison, out, host, cpus, facts, workers)
        advice = _advice(comparison, options, facts)
        if advice.sentence and not options.quiet:
            host.console.print(f"perfgate: {one_line(advice.sentence)}", markup=False, soft_wrap=True)
        job = Job(
            prepared=prepared,
            run_id=run_id,
            command=("perfgate", *host.arguments, *(() if options.seed is not None else ("--seed", str(seed)))),
            seed=seed,
            out=out,
            created=created,
            environment=facts,
            stops_early=stops_early,
            advice=advice,
            cautions=options.policy.cautions(name),
        )
        with on_cpus(comparison.scenario.server.driver_cpus, host):
            return run(job, world, host.progress(), host.interrupts), out


@contextmanager
def on_cpus(cpus: tuple[int, ...] | None, host: Host) -> Iterator[None]:
    """Pin this process to the load generator's CPUs, where it has its own."""
    allowed = host.cpus()
    host.use_cpus(cpus or allowed)
    try:
        yield
    finally:
        host.use_cpus(allowed)


def _advice(comparison: Comparison, options: Options, facts: Mapping[str, Any]) -> Advice:
    """Return the advice of a calibration for a side-by-side comparison; none for running servers."""
    stored = comparison.kind is ComparisonKind.STORED_NUMBERS
    if options.store is None or stored or comparison.scenario.target.kind == "endpoint":
        return Advice()
    return advise(options.store, comparison, facts)


def show(result: Result, out: Path, options: Options, host: Host) -> None:
    """Print the result on stderr, with the final line last."""
    if not options.quiet:
        print_result(host.console, result, every_metric=options.verbose)
    host.console.print(final_line(result, out / page.FILE_NAME), markup=False, soft_wrap=True)


def exit_code(result: Result, options: Options) -> ExitCode:
    """Return the exit code of a result."""
    if result.status is Outcome.INTERRUPTED:
        return ExitCode.INTERRUPTED
    verdict = Verdict.INVALID if result.judgement is None else result.judgement.verdict
    if verdict is Verdict.INCONCLUSIVE and options.on_inconclusive == "pass":
        return ExitCode.PASS
    return EXIT_CODES[verdict]


def exit_code_of_record(result: Result) -> ExitCode:
    """Return the exit code of a run that is only recorded: it passes when complete and valid."""
    if result.status is Outcome.INTERRUPTED:
        return ExitCode.INTERRUPTED
    invalid = result.judgement is None or result.judgement.verdict is Verdict.INVALID
    return ExitCode.INVALID if invalid else ExitCode.PASS
