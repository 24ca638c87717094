"""`python -m benchmarks.simulation.objectives`: how often objectives are decided wrongly, before and now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click
import numpy as np

from benchmarks.simulation.bounds import Rule, means, percentiles, shares
from benchmarks.simulation.requests import Draw, autocorrelated, failing, skewed

ALPHA = 0.01
_HEAD = (
    "objective",
    "servers x requests",
    "world",
    "false pass / false fail, before",
    "now",
    "correct pass, before",
    "now",
)


class Point(NamedTuple):
    """One objective in one world."""

    objective: str
    size: str
    world: str
    draw: Draw
    rules: tuple[Rule, Rule]
    """Rules before and now."""
    bound: float
    better: float
    """The truth as a multiple of the bound where the objective is clearly met."""


def _rates(point: Point, rule: Rule, truth: float, seeds: Sequence[tuple[int, ...]]) -> tuple[float, float]:
    """Return the shares of runs that pass and that fail if the truth is that multiple of the bound."""
    found = [rule(point.draw(np.random.default_rng(seed), truth), point.bound, ALPHA) for seed in seeds]
    return float(np.mean([passes for passes, _ in found])), float(np.mean([fails for _, fails in found]))


def _cells(point: Point, number: int, runs: int) -> Iterator[str]:
    yield from point[:3]
    for rule in point.rules:
        passes, fails = _rates(point, rule, 1.0, [(number, 0, run) for run in range(runs)])
        yield f"{100 * passes:.1f} / {100 * fails:.1f} %"
    for rule in point.rules:
        yield f"{100 * _rates(point, rule, point.better, [(number, 1, run) for run in range(runs // 4)])[0]:.0f} %"


def _points() -> Iterator[Point]:
    for servers, requests in ((1, 200), (1, 5000), (4, 1000), (12, 40), (12, 200), (12, 1000)):
        for time in (1, 4, 10, 19):
            world, size = f"autocorrelation time {time}", f"{servers} x {requests:,}"
            for quantile in (0.9, 0.99):
                draw = autocorrelated(servers, requests, time, quantile)
                yield Point(f"p{100 * quantile:.0f}", size, world, draw, percentiles(quantile), 0.0, 0.1)
    for servers, requests in ((1, 12_000), (2, 6_000), (4, 3_000), (12, 40), (12, 1_000), (12, 3_000)):
        for burst in (1, 5, 20):
            draw = failing(servers, requests, burst, 0.01)
            yield Point("error rate 1 %", f"{servers} x {requests:,}", f"bursts of {burst}", draw, shares(), 0.01, 0.1)
    for servers in (2, 4, 12):
        for sigma in (0.1, 0.3, 0.6, 1.0):
            draw = skewed(servers, sigma)
            yield Point("mean", f"{servers} x 1", f"lognormal, sigma {sigma}", draw, means(), 1.0, 0.7)


@click.command()
@click.option("--runs", default=2000, show_default=True, help="Seeded runs of each point at the bound.")
@click.option("--only", default="", help="Only objectives whose name starts with this: p9, error, mean.")
def main(runs: int, only: str) -> None:
    """Print a Markdown table; the truth is at the bound, and for power at a tenth of it (for means, 70 %)."""
    for line in (_HEAD, ["---"] * len(_HEAD)):
        click.echo("| " + " | ".join(line) + " |")
    for number, point in enumerate(_points()):
        if point.objective.startswith(only):
            click.echo("| " + " | ".join(_cells(point, number, runs)) + " |")


if __name__ == "__main__":
    main()
