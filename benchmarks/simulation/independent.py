"""`python -m benchmarks.simulation.independent`: error rates by an implementation that shares no code with perfgate.

Estimator, looks and simulated machine are those of tests/independent, written from docs/explanation/method.md only.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import click
import numpy as np
from scipy import stats

from tests.independent.gate import ENOUGH_FOR_EARLY, LOOKS, TWICE_AS_OFTEN, Rates, late, rates
from tests.independent.machine import ALIKE, Machine, truth

TAU = 0.025
GUARD_TAU = 0.10
COSTS = tuple(np.geomspace(1, 50, 16).tolist())


def _hit(payloads: int, times: float) -> tuple[float, ...]:
    return (times,) * payloads + ALIKE[payloads:]


@dataclass(frozen=True, slots=True)
class Point:
    """One row: a machine, the change of every payload, and the mean that is judged."""

    name: str
    machine: Machine
    change: float = 0.0
    robust: bool = True
    as_often: tuple[float, ...] = LOOKS
    early: bool = False
    """With looks before 3/8 despite few replicas, unlike any run."""

    @property
    def looks(self) -> tuple[float, ...]:
        """Looks of a run with that many replicas."""
        return self.as_often if self.early or self.machine.replicas >= ENOUGH_FOR_EARLY else late(self.as_often)

    @property
    def tolerance(self) -> float:
        """Change of the mean that is judged."""
        return TAU if self.robust else GUARD_TAU

    @property
    def seed(self) -> int:
        """The point's own seed."""
        return zlib.crc32(f"{self.name} {self.change}".encode())


_AT_TAU = {
    "payloads alike": Machine(),
    "payloads alike, 4 replicas": Machine(replicas=4),
    "payloads cost 1 to 50": Machine(cost=COSTS),
    "payloads cost 1 to 50, 4 replicas": Machine(cost=COSTS, replicas=4),
    "spikes in 10 %": Machine(spike_share=0.1),
    "payloads cost 1 to 50, spikes in 10 %": Machine(cost=COSTS, spike_share=0.1),
    "payloads cost 1 to 50, spikes in 10 %, 4 replicas": Machine(cost=COSTS, spike_share=0.1, replicas=4),
    "correlation 0.8": Machine(memory=0.8),
    "two kinds of replica, 2 % apart": Machine(slow_kind=0.02),
    "start order 6 %, fork servers 3 % apart": Machine(trend=0.06, parents=2, parent_sd=0.03),
    "memory in regions 2 % apart": Machine(region_sd=0.02),
    "memory in regions 2 % apart, 6 replicas": Machine(region_sd=0.02, replicas=6),
    "24 replicas": Machine(replicas=24),
}
_HOSTILE = Machine(cost=COSTS, spike_share=0.1, replicas=4)
_FEW = Machine(rounds=2, request_sd=0.12, spike_share=0.05, memory=0.2)
"""Blocks of a lane of single requests that take some milliseconds."""
_BESIDE = (
    Point("payloads alike, 16 looks", Machine(), TAU, as_often=TWICE_AS_OFTEN),
    Point("looked at early: costs 1 to 50, spikes in 10 %, 4 replicas", _HOSTILE, TAU, early=True),
    Point("looked at early: costs 1 to 50, spikes in 10 %, 4 replicas", _HOSTILE, 2 * TAU, early=True),
    Point("single requests: 32 blocks, noise 12 %, 16 looks", _FEW, TAU, as_often=TWICE_AS_OFTEN),
    Point("single requests, payloads cost 1 to 50", replace(_FEW, cost=COSTS), TAU, as_often=TWICE_AS_OFTEN),
    Point("2 of 16 payloads x 1.2", Machine(hit=_hit(2, 1.2))),
    Point("1 of 16 payloads x 1.4", Machine(hit=_hit(1, 1.4))),
    Point("1 of 16 payloads x 1.4, spikes in 10 %", Machine(hit=_hit(1, 1.4), spike_share=0.1)),
    Point("2 of 16 payloads x 2.5", Machine(hit=_hit(2, 2.5))),
    Point("2 of 16 payloads x 2.5, 4 replicas", Machine(hit=_hit(2, 2.5), replicas=4)),
    Point("1 of 16 payloads x 5", Machine(hit=_hit(1, 5.0))),
    Point("1 of 16 payloads x 5, spikes in 10 %", Machine(hit=_hit(1, 5.0), spike_share=0.1)),
    Point("untrimmed: spikes in 2 %", Machine(), robust=False),
    Point("untrimmed: spikes in 2 %", Machine(), GUARD_TAU, robust=False),
    Point("untrimmed: 10 % at random x 3", Machine(struck_share=0.1), robust=False),
    Point("untrimmed: 10 % at random x 3, 256 blocks", Machine(struck_share=0.1, rounds=16), robust=False),
)
_EFFECTS = (0.0, TAU, 0.05)
POINTS = (*(Point(name, machine, effect) for name, machine in _AT_TAU.items() for effect in _EFFECTS), *_BESIDE)


def _interval(share: float, runs: int) -> str:
    found = stats.binomtest(round(share * runs), runs).proportion_ci(0.95)
    return f"{share:.1%} [{found.low:.1%}, {found.high:.1%}]"


def row(point: Point, found: Rates) -> str:
    """Return one row of the table."""
    true = truth(point.machine, point.change)
    at_tau = " = τ" if np.isclose(true, point.tolerance) else ""
    verdicts = " / ".join(f"{100 * share:.2f}" for share in (found.fail, found.passed, found.open))
    cells = (
        point.name,
        f"{true:+.1%}{at_tau}",
        f"{found.runs:,}",
        f"{verdicts} %",
        _interval(found.covered, found.runs),
    )
    return "| " + " | ".join(cells) + " |"


@click.command()
@click.option("--runs", default=5000, show_default=True, help="Seeded runs of each point at exactly the tolerance.")
@click.option("--others", default=1000, show_default=True, help="Runs of each other point.")
@click.option("--only", default="", help="Only points whose name contains this.")
def main(runs: int, others: int, only: str) -> None:
    """Print a Markdown table, one row for each point; each has its own seeds."""
    click.echo("| world | true change | runs | fail / pass / open | 95 % interval covers, at the end |")
    click.echo("| --- | --- | --- | --- | --- |")
    for point in POINTS:
        if only in point.name:
            count = runs if np.isclose(truth(point.machine, point.change), point.tolerance) else others
            found = rates(
                point.machine, point.change, point.tolerance, count, point.seed, point.looks, robust=point.robust
            )
            click.echo(row(point, found))


if __name__ == "__main__":
    main()
