"""`python -m benchmarks.simulation.fleet.independent`: fleets by an implementation that shares no code with perfgate.

A false alarm in a fleet needs one gate that fails at the error level divided by the number of gates (the first step of
Holm's procedure), in the first round or the second. Estimator, looks and machine are those of tests/independent.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from math import log1p

import click
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.independent.gate import AT_ONCE, LOOKS, late, looked
from tests.independent.looks import FAIL, OPEN, PASS, levels
from tests.independent.machine import Machine, design, simulated

TAU, ALPHA = 0.025, 0.01
FIRST, SECOND = 0.75, 0.25
_COSTS = tuple(np.geomspace(1, 50, 16).tolist())
MACHINES = {
    "16 payloads alike": Machine(),
    "payloads cost 1 to 50, spikes in 10 %": Machine(cost=_COSTS, spike_share=0.1),
    "4 replicas": Machine(replicas=4),
    "two kinds of replica, 2 % apart": Machine(slow_kind=0.02),
    "memory in regions 2 % apart": Machine(region_sd=0.02),
    "correlation 0.8": Machine(memory=0.8),
}


def one_round(  # noqa: PLR0913, PLR0917 - the parts of a round
    machine: Machine,
    change: float,
    gates: int,
    share: float,
    sharing: int,
    rng: np.random.Generator,
    *,
    early: bool = False,
) -> NDArray[np.int64]:
    """Measure that many gates; failures share the level among `sharing`, passes do not. Returns each one's decision.

    `early`: with looks before 3/8, unlike any fleet.
    """
    looks, shares = LOOKS if early else late(LOOKS), np.full(16, 1 / 16)
    passing, failing = levels(looks, ALPHA * share), levels(looks, ALPHA * share / sharing)
    parts = []
    for begin in range(0, gates, AT_ONCE):
        visits = simulated(machine, change, min(AT_ONCE, gates - begin), rng)
        seen = looked(visits, design(machine), shares, looks)
        state = np.full(seen[0].df.size, OPEN)
        for effects, low, high in zip(seen, failing, passing, strict=True):
            fails, passes = effects.lower(low) > log1p(TAU), effects.upper(high) <= log1p(TAU)
            state = np.where(state != OPEN, state, np.select([fails, passes], [FAIL, PASS], OPEN))
        parts.append(state)
    return np.concatenate(parts)


def fleets(  # noqa: PLR0913 - the parts of a point
    machine: Machine, change: float, count: int, gates: int, seed: int, *, early: bool = False
) -> NDArray[np.int64]:
    """Return the decisions on so many fleets, fleets x gates, after both rounds."""
    rng = np.random.default_rng(seed)
    state = one_round(machine, change, count * gates, FIRST, gates, rng, early=early)
    undecided = state == OPEN
    if undecided.any():
        longer = replace(machine, rounds=2 * machine.rounds)
        state[undecided] = one_round(longer, change, int(undecided.sum()), SECOND, gates, rng, early=early)
    return state.reshape(count, gates)


@click.command()
@click.option("--runs", default=400, show_default=True, help="Fleets of each point.")
@click.option("--gates", default=50, show_default=True)
@click.option("--machine", "names", type=click.Choice(tuple(MACHINES)), multiple=True, help="Only these.")
@click.option("--change", "changes", type=float, multiple=True, default=(TAU, 0.0), show_default=True)
@click.option("--early", is_flag=True, help="With looks before 3/8 of the time, unlike any fleet.")
def main(runs: int, gates: int, names: tuple[str, ...], changes: tuple[float, ...], *, early: bool) -> None:
    """Print a Markdown table; each point has its own seeds."""
    head = ("machine", "true change", "fleets", "with a false alarm", "gates that fail", "undecided")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    for name in names or tuple(MACHINES):
        for change in changes:
            found = fleets(
                MACHINES[name], change, runs, gates, zlib.crc32(f"fleet {name} {change}".encode()), early=early
            )
            alarms = int((found == FAIL).any(axis=1).sum())
            interval = stats.binomtest(alarms, runs).proportion_ci(0.95)
            rate = f"{alarms / runs:.2%} [{interval.low:.2%}, {interval.high:.2%}]"
            failed, undecided = int((found == FAIL).sum()), float((found == OPEN).mean())
            print(
                f"| {name} | {change:+.1%} | {runs:,} | {rate} | {failed} of {found.size:,} | {undecided:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
