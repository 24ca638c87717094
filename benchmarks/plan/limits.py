"""`python -m benchmarks.plan.limits`: the limit that `--scale` finds, beside that of exhaustive measurement.

Values at equal ratios across the range are measured in rounds, each as long and with as many servers as a search's, in
random order, so that the machine's hours fall on all of them alike. The true limit is where the share of requests that
miss the objective (for memory: the value itself), over all rounds together, reaches what is allowed.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from math import exp, inf, log
from pathlib import Path

import click
import numpy as np

from perfgate.cli.measuring import host_of
from perfgate.metrics import BY_NAME, Source
from perfgate.pipeline.options import Options
from perfgate.pipeline.scale import SECONDS, Search, scaled
from perfgate.scenario.files import load_scenario
from perfgate.serving.fork_ahead import Ahead, Shared
from perfgate.sketch.builder import Builder
from perfgate.sketch.dimensions import Range
from perfgate.sketch.source import sketch_of
from perfgate.stats.quantile import arm_times
from perfgate.stats.summarise import summary_of
from perfgate.stats.table import TrialTable
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


def search_in(home: Path, builder: Builder) -> Search:
    """Return a search that measures values one by one."""
    options = Options(
        scenarios=(), budget=None, replicas=None, seed=None, out=None, intra_op_threads=None, inter_op_threads=None,
        cpus=None, driver_cpus=None, as_json=False, quiet=True, verbose=False,
    )  # fmt: skip
    host = host_of({"color": "never", "no_progress": True, "quiet": True, "ahead": Ahead()})
    return Search(builder, load_scenario(str(home / "scenario.toml"), ()), {}, options, host, home)


def shown(case: Case, evidence: TrialTable) -> tuple[float, float]:
    """Return how much one measurement missed the objective, and how many requests it had."""
    if case.metric == "latency_p99_ms":
        times = arm_times(evidence.columns, Source.LOAD, "response", Arm.CANDIDATE)
        return float(np.count_nonzero(times > case.bound)), float(times.size)
    found = summary_of(BY_NAME[case.metric], Arm.CANDIDATE, evidence)
    return float(found.value or inf) if found else inf, 1.0


def exhausted(case: Case, search: Search, values: list[int], rounds: int, rng: np.random.Generator) -> float:
    """Measure all values in each round, and return the limit."""
    missed: dict[int, list[tuple[float, float]]] = {value: [] for value in values}
    shared = Shared(search.host.ahead, search.host.environ, search.host.cpus())
    quiet = replace(search, host=replace(search.host, ahead=shared))
    try:
        for number in range(rounds):
            for value in rng.permutation(values).tolist():
                measured = quiet.evaluation(case.dimension, value, {}, number)
                missed[value].append(shown(case, measured.evidence))
    finally:
        shared.stop()
    return true_limit(case, values, missed)


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
        wanted = Range(case.dimension, case.low, case.high)
        with Builder(sketch_of(str(home / "sketch.toml")), os.environ, home / "models") as builder:
            search = search_in(home, builder)
            scales = [scaled(search, (wanted,), SECONDS, f"search {number}").scale for number in range(searches)]
            found = [(scale.limits[0], scale.seconds) for scale in scales if scale]
            centre = float(np.median([limit.estimate for limit, _ in found]))
            values = [round(centre * 1.6**at) for at in np.linspace(-1, 1, count)]
            print(f"\n{case.dimension}, {case.metric} at most {case.bound:g}\n\n| value | missed |\n|---|---|")
            true = exhausted(case, search, values, rounds, rng)
        print(f"\nexhaustive: {true:,.0f}")
        for limit, seconds in found:
            within = "within" if limit.lower <= true <= limit.upper else "NOT within"
            interval = f"{limit.estimate:,.0f} [{limit.lower:,.0f}, {limit.upper:,.0f}], {seconds:.0f} s"
            print(f"search: {interval}, {limit.holds} holds, {limit.breaks} breaks: {within}", flush=True)


if __name__ == "__main__":
    main()
