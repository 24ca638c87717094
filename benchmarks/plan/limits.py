"""`python -m benchmarks.plan.limits`: the limit that `--scale` finds, beside that of exhaustive measurement.

Values at equal ratios across the range are measured in rounds, each as long and with as many servers as a search's, in
random order, so that the machine's hours fall on all of them alike. The true limit is where the share of requests that
miss the objective (for memory: the value itself), over all rounds together, reaches what is allowed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from math import exp, inf, log
from pathlib import Path

import click
import numpy as np

from perfgate.metrics import Source
from perfgate.results import plan_document
from perfgate.results.loader import read_run
from perfgate.stats.quantile import arm_times
from perfgate.trials import Arm

_LATENCY = """
[load]
arrivals = "poisson"
rate_rps = 300

[objectives.latency_p99_ms]
max = 12
"""
_MEMORY = """
[load]
arrivals = "poisson"
rate_rps = 100

[objectives.rss_peak_mb]
max = 400
"""
_DENSE = """
batch = 8

[inputs.features]
shape = [64]

[layers]
width = 512
depth = 3
"""
_TABLE = """
batch = 8

[embeddings.user]
rows = 100_000
dim = 64
lookups = 20

[layers]
width = 256
depth = 2
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A dimension that is searched."""

    sketch: str
    scenario: str
    dimension: str
    low: int
    high: int
    metric: str
    bound: float


CASES = {
    "width": Case(_DENSE, _LATENCY, "layers.width", 256, 4096, "latency_p99_ms", 12.0),
    "rows": Case(_TABLE, _MEMORY, "embeddings.user.rows", 20_000, 4_000_000, "rss_peak_mb", 400.0),
}


def _plan(home: Path, arguments: list[str], out: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "perfgate",
        "plan",
        "sketch.toml",
        "-s",
        "scenario.toml",
        "--no-progress",
        "-q",
    ]
    done = subprocess.run(
        [*command, *arguments, "--out", str(out)], cwd=home, check=False, capture_output=True, text=True
    )
    if done.returncode not in {0, 3, 4, 5}:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.splitlines()[-1:]}")


def shown(case: Case, out: Path) -> tuple[float, float]:
    """Return how much one measurement missed the objective, and how many requests it had."""
    result, table = read_run(out)
    if case.metric == "latency_p99_ms":
        times = arm_times(table.columns, Source.LOAD, "response", Arm.CANDIDATE)
        return float(np.count_nonzero(times > case.bound)), float(times.size)
    (value,) = [each.value for each in result.summaries if each.metric == case.metric]
    return float(value or inf), 1.0


def true_limit(case: Case, values: list[int], missed: dict[int, list[tuple[float, float]]]) -> float:
    """Interpolate where the objective is reached, on logarithmic scales."""
    allowed = 0.01 if case.metric == "latency_p99_ms" else case.bound
    shares = [sum(hit for hit, _ in missed[value]) / sum(count for _, count in missed[value]) for value in values]
    for value, share in zip(values, shares, strict=True):
        print(f"| {value:,} | {share:.4g} |", flush=True)
    above = next(place for place, share in enumerate(shares) if share > allowed)
    low, high = max(shares[above - 1], 1e-5), shares[above]
    part = log(allowed / low) / log(high / low)
    return exp(log(values[above - 1]) + part * log(values[above] / values[above - 1]))


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(tuple(CASES)))
@click.option("--searches", default=2, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Exhaustive measurements of each value.")
@click.option("--values", "count", default=9, show_default=True, help="Values within a factor of 1.6 of the limit.")
@click.option("--seed", default=0, show_default=True, help="Order of the exhaustive measurements.")
def main(names: tuple[str, ...], searches: int, rounds: int, count: int, seed: int) -> None:
    """Search, then measure exhaustively around what was found."""
    rng = np.random.default_rng(seed)
    for name in names or CASES:
        case = CASES[name]
        home = Path(tempfile.mkdtemp(prefix="perfgate-limits-"))
        (home / "sketch.toml").write_text(case.sketch)
        (home / "scenario.toml").write_text(case.scenario)
        found = []
        for number in range(searches):
            _plan(home, ["--scale", f"{case.dimension}={case.low}..{case.high}"], home / f"search{number}")
            scale = plan_document.read(home / f"search{number}").scale
            if scale is None:
                raise SystemExit("no search")
            found.append((scale.limits[0], scale.seconds))
        centre = float(np.median([limit.estimate for limit, _ in found]))
        values = [int(round(centre * 1.6**at, -1)) for at in np.linspace(-1, 1, count)]
        missed: dict[int, list[tuple[float, float]]] = {value: [] for value in values}
        print(f"\n{case.dimension}, {case.metric} at most {case.bound:g}\n\n| value | missed |\n|---|---|")
        for number in range(rounds):
            for value in rng.permutation(values).tolist():
                out = home / f"{value}-{number}"
                _plan(home, ["--set", f"{case.dimension}={value}", "--budget", "25s", "--replicas", "8"], out)
                missed[value].append(shown(case, out))
        true = true_limit(case, values, missed)
        print(f"\nexhaustive: {true:,.0f}")
        for limit, seconds in found:
            within = limit.lower <= true <= limit.upper
            print(
                f"search: {limit.estimate:,.0f} [{limit.lower:,.0f}, {limit.upper:,.0f}], {seconds:.0f} s, "
                f"{limit.holds} holds, {limit.breaks} breaks: {'within' if within else 'NOT within'}",
                flush=True,
            )
        print(json.dumps({"dimension": case.dimension, "true": true}))


if __name__ == "__main__":
    main()
