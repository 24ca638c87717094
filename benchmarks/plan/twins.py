"""`python -m benchmarks.plan.twins`: six architectures, planned with untrained weights, checked by their trained twins.

Prints the table of docs/explanation/plan-rates.md. Each takes a plan and a check, about six minutes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.plan.architectures import ARCHITECTURES
from perfgate.formatting import change, measured, quantity
from perfgate.planning.check import CheckedPromise
from perfgate.results import plan_check_document, plan_document

_SHOWN = ("latency_p50_ms", "latency_p99_ms", "cpu_ms_per_request", "capacity_rps")
_BESIDE = ("execute_ms", "rss_peak_mb", "cold_start_s")
_SCENARIO = """
[payload]
batch_size = 8

[load]
arrivals = "poisson"
rate_rps = {rate}

[objectives.latency_p99_ms]
max = {bound}
"""
_LOADS = {"wide_and_deep": (200, 25), "two_tower": (200, 25), "transformer": (80, 60), "convolution": (100, 40),
          "lstm": (60, 60), "mlp": (200, 25)}  # fmt: skip
"""Rate, and bound of the 99th percentile, so that each server is busy for about a fifth of the time."""


def _run(command: Sequence[str], home: Path) -> None:
    done = subprocess.run(command, cwd=home, check=False, capture_output=True, text=True)
    if done.returncode not in {0, 3, 4}:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.splitlines()[-1:]}")


def twin(name: str, home: Path, budget: float, factor: float) -> tuple[CheckedPromise, ...]:
    """Plan, train, check; return the checked promises."""
    rate, bound = _LOADS[name]
    (home / f"{name}.toml").write_text(_SCENARIO.format(rate=rate, bound=bound))
    sketch = f"{Path(__file__).parent / 'architectures.py'}:{name}"
    perfgate = [sys.executable, "-P", "-m", "perfgate", "plan"]
    common = ["-s", f"{name}.toml", "--no-progress", "-q"]
    plan, check = home / f"{name}-plan", home / f"{name}-check"
    _run([*perfgate, sketch, *common, "--budget", f"{budget}s", "--out", str(plan)], home)
    _run([sys.executable, "-m", "benchmarks.plan.train", name, str(home / name)], Path.cwd())
    _run([*perfgate, str(plan), "--check", str(home / name), *common, "--budget", f"{factor * budget}s",
          "--out", str(check)], home)  # fmt: skip
    print(f"{name}: planned in {plan_document.read(plan).seconds:.0f} s", file=sys.stderr, flush=True)
    return plan_check_document.read(check).promises


def row(name: str, promise: CheckedPromise) -> str:
    """Write one promise as a row of the table."""
    shown = measured(promise.promised, promise.promised_lower, promise.promised_upper, promise.metric)
    covered = "yes" if promise.covered else "no"
    takes = quantity(promise.measured, promise.metric)
    cells = (name.replace("_", " "), promise.metric, shown, takes, change(promise.error), covered)
    return f"| {' | '.join(cells)} | {change(promise.speed - 1)} |"


def summary(title: str, promises: Sequence[CheckedPromise]) -> str:
    """Write the errors and the coverage of some promises."""
    known = [each for each in promises if np.isfinite(each.measured)]
    sizes = np.abs([each.error for each in known])
    stored = np.abs([(1 + each.error) * each.speed - 1 for each in known])
    covered = sum(each.covered for each in known)
    return (
        f"{title}: {covered} of {len(known)} covered; error {100 * np.quantile(sizes, 0.5):.1f} % at the median, "
        f"{100 * np.quantile(sizes, 0.9):.1f} % at the 90th percentile; with the machine's speed "
        f"{100 * np.quantile(stored, 0.5):.1f} and {100 * np.quantile(stored, 0.9):.1f} %"
    )


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(ARCHITECTURES))
@click.option("--budget", default=150.0, show_default=True, help="Seconds to measure each plan.")
@click.option("--factor", default=1.6, show_default=True, help="Times as long for a check, of both models.")
@click.option("--home", type=click.Path(path_type=Path), help="Keep everything here.")
def main(names: tuple[str, ...], budget: float, factor: float, home: Path | None) -> None:
    """Print the table for some of the architectures, by default for all."""
    where = home or Path(tempfile.mkdtemp(prefix="perfgate-twins-"))
    where.mkdir(parents=True, exist_ok=True)
    print(
        "| architecture | metric | promised (95 %) | trained | error | covered | speed since |\n|" + "---|" * 7,
        flush=True,
    )
    found: dict[str, list[CheckedPromise]] = {}
    for name in names or ARCHITECTURES:
        for promise in twin(name, where, budget, factor):
            found.setdefault(promise.metric, []).append(promise)
            if promise.metric in (*_SHOWN, *_BESIDE):
                print(row(name, promise), flush=True)
    print()
    print(summary("p50, p99, CPU and capacity", [each for metric in _SHOWN for each in found.get(metric, [])]))
    print(summary("all promises", [each for every in found.values() for each in every]))


if __name__ == "__main__":
    main()
