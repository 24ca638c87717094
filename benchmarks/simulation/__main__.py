"""`python -m benchmarks.simulation`: error rates, time saved and coverage over thousands of seeded runs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click
import numpy as np
from scipy import stats

from benchmarks.simulation.runs import Outcome, simulate
from benchmarks.simulation.worlds import WORLDS
from perfgate.gate.verdict import Verdict

EFFECTS = (0.0, 0.025, 0.05, 0.10)
_HEAD = (
    "world", "true change", "fail / pass / open, looks", "fail / pass / open, once", "time saved, median",
    "95 % interval covers", "at the end", "bounds miss",
)  # fmt: skip


def _one(world: str, effect: float, catch: float, looks: int, seed: int, run: int) -> Outcome:  # noqa: PLR0913, PLR0917
    return simulate(WORLDS[world], effect, catch, (seed, run), looks)


def _point(world: str, effect: float, catch: float, found: Sequence[Outcome]) -> Iterator[str]:
    yield world
    yield f"{effect:+.1%}" + (" = τ" if effect == catch / 2 else "")
    for verdicts in ([each.sequential for each in found], [each.once for each in found]):
        counts = Counter(verdicts)
        kinds = (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE)
        yield " / ".join(f"{100 * counts[verdict] / len(found):.2f}" for verdict in kinds) + " %"
    yield f"{1 - float(np.median([each.fraction for each in found])):.0%}"
    for hits in ([each.covered for each in found], [each.covered_at_end for each in found]):
        interval = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95)
        yield f"{np.mean(hits):.1%} [{interval.low:.1%}, {interval.high:.1%}]"
    yield f"{1 - np.mean([each.bounds_hold for each in found]):.2%}"


@click.command()
@click.option("--runs", default=5000, show_default=True, help="Seeded runs of each point.")
@click.option("--world", "worlds", type=click.Choice(tuple(WORLDS)), multiple=True, help="Only these.")
@click.option("--effect", "effects", type=float, multiple=True, help="True changes, as shares.")
@click.option("--catch", default=0.05, show_default=True, help="Regression to catch; the tolerance is half of it.")
@click.option("--looks", default=8, show_default=True, help="A lane that others left time has up to twice as many.")
@click.option("--seed", default=1, show_default=True)
def main(  # noqa: PLR0913, PLR0917 - one parameter an option
    runs: int, worlds: tuple[str, ...], effects: tuple[float, ...], catch: float, looks: int, seed: int
) -> None:
    """Print a Markdown table, one line a world and true change."""
    for line in (_HEAD, ["---"] * len(_HEAD)):
        click.echo("| " + " | ".join(line) + " |")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for world in worlds or tuple(WORLDS):
            for effect in effects or EFFECTS:
                found = list(pool.map(partial(_one, world, effect, catch, looks, seed), range(runs), chunksize=100))
                click.echo("| " + " | ".join(_point(world, effect, catch, found)) + " |")


if __name__ == "__main__":
    main()
