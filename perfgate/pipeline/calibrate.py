"""Repeated runs of a model against itself, and the calibration computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from perfgate.baseline.calibration import (
    Calibration,
    calibrations_of,
    find_calibration,
    keep_calibration,
    to_json,
)
from perfgate.baseline.numbers import MOST_RECORDS
from perfgate.baseline.place import StoreLocation
from perfgate.baseline.store import Store
from perfgate.errors import ExitCode, UsageError
from perfgate.pipeline.answer import answer, exit_code_of_record, prepare_all, show
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.prepare import Prepared
from perfgate.report.html.page import FILE_NAME
from perfgate.report.terminal.calibration import print_calibration
from perfgate.report.terminal.calibration_days import print_variograms, variograms
from perfgate.report.terminal.result import final_line
from perfgate.results.calibration import calibration_of
from perfgate.results.loader import read_run
from perfgate.results.result import Result
from perfgate.scenario.schema import Scenario
from perfgate.stats.table import TrialTable

Runs = Sequence[tuple[Result, TrialTable]]


def calibrate_all(model: str, runs: int, store_url: str, options: Options, host: Host) -> int:
    """Calibrate each scenario in turn, and return the exit code of the last one that ran."""
    StoreLocation(store_url)  # rejects a malformed URL before anything is measured
    documents, code = [], ExitCode.PASS
    comparisons = replace(options, explain=False, capacity=False).comparisons(host, baseline=model, candidate=model)
    ensure_startable(comparisons)
    for prepared in prepare_all(comparisons, host):
        done, code = _measure(prepared, runs, options, host)
        if done and code in {ExitCode.PASS, ExitCode.INTERRUPTED}:
            calibration = calibration_of(done, host.now().isoformat(timespec="milliseconds"))
            documents.append(to_json(calibration))
            _publish(calibration, prepared, store_url, options, host, whole=code is ExitCode.PASS)
        if code is not ExitCode.PASS:
            break
    if options.as_json and documents:
        print(f"[{','.join(documents)}]" if len(options.scenarios) > 1 else documents[0], end="", file=host.stdout)
    return code


def ensure_startable(comparisons: Sequence[Comparison]) -> None:
    """Raise UsageError for running servers."""
    for each in comparisons:
        if running := each.running_servers:
            problem = f"{running[0]} is a running server, but a calibration starts new servers for each run"
            raise UsageError(problem, "give a model, or compare the server with itself: `perfgate compare URL URL`")


def _measure(prepared: Prepared, runs: int, options: Options, host: Host) -> tuple[Runs, ExitCode]:
    """Measure `runs` times, and return the complete runs and the last one's exit code."""
    done: list[tuple[Result, TrialTable]] = []
    for number in range(runs):
        if not options.quiet:
            host.console.print(
                f"perfgate: run {number + 1} of {runs} of {prepared.comparison.scenario.name}", markup=False
            )
        its = replace(
            options,
            seed=None if options.seed is None else options.seed + number,
            out=options.out and options.out / f"run-{number + 1}",
        )
        result, out = answer(prepared, its, host, many=len(options.scenarios) > 1, stops_early=False)
        if code := exit_code_of_record(result):
            show(result, out, options, host)
            return done, code
        host.console.print(final_line(result, out / FILE_NAME), markup=False, soft_wrap=True, style="dim")
        done.append(read_run(out))
    return done, ExitCode.PASS


def _publish(  # noqa: PLR0913 - a calibration and its destinations
    calibration: Calibration, prepared: Prepared, store_url: str, options: Options, host: Host, *, whole: bool
) -> None:
    """Print the calibration and store it; a partial one never replaces a whole one."""
    console, scenario = host.console, prepared.comparison.scenario
    if not options.quiet:
        console.print()
        print_calibration(console, calibration, scenario)
        _print_days(calibration, scenario, store_url, console)
    before = None if whole else find_calibration(store_url, calibration.fingerprint, calibration.scenario_digest)
    if before is not None and len(before.runs) > len(calibration.runs):
        kept = f"not kept, because the one of {before.created_utc[:10]} has more runs"
    else:
        kept = keep_calibration(store_url, calibration)
    console.print(f"CALIBRATED {calibration.scenario_name}  {kept}", markup=False, soft_wrap=True)


def _print_days(calibration: Calibration, scenario: Scenario, store_url: str, console: Console) -> None:
    """Print what the stored records show about other hours and days."""
    store = Store(store_url)
    records = [each for name in store.names() for each in store.newest(name, MOST_RECORDS)]
    before = calibrations_of(store_url, calibration.fingerprint, calibration.scenario_digest)
    print_variograms(console, variograms(calibration, before, records, scenario.gate))
