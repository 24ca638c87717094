"""`python -m benchmarks.simulation`: error rates, time saved and coverage over thousands of seeded runs."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import isclose

import click
import numpy as np
from scipy import stats

from benchmarks.simulation.runs import Outcome, simulate
from benchmarks.simulation.worlds import SCENES
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME

_HEAD = (
    "world", "true change", "runs", "fail / pass / open, looks", "fail / pass / open, once", "time saved, median",
    "95 % interval covers", "at the end", "bounds miss", "ended for futility, of these decided in time",
)  # fmt: skip


def seeds_of(name: str, effect: float) -> int:
    """Return seeds for one point, different from those of all others."""
    return zlib.crc32(f"{name} {effect}".encode())


def _one(name: str, effect: float, catch: float, looks: int, seed: int, run: int) -> Outcome:  # noqa: PLR0913, PLR0917
    scene = SCENES[name]
    return simulate(scene.world, effect, catch, (seed, seeds_of(name, effect), run), looks, scene.requests)


def _at_tolerance(name: str, effect: float, catch: float) -> bool:
    return isclose(SCENES[name].requests.truth(effect), catch / 2)


def _point(name: str, effect: float, catch: float, found: Sequence[Outcome]) -> Iterator[str]:
    yield name
    yield f"{SCENES[name].requests.truth(effect):+.1%}" + (" = τ" if _at_tolerance(name, effect, catch) else "")
    yield f"{len(found):,}"
    for verdicts in ([each.sequential for each in found], [each.once for each in found]):
        counts = Counter(verdicts)
        kinds = (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE)
        yield " / ".join(f"{100 * counts[verdict] / len(found):.2f}" for verdict in kinds) + " %"
    yield f"{1 - float(np.median([each.fraction for each in found])):.0%}"
    for hits in ([each.covered for each in found], [each.covered_at_end for each in found]):
        interval = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95)
        yield f"{np.mean(hits):.1%} [{interval.low:.1%}, {interval.high:.1%}]"
    yield f"{1 - np.mean([each.bounds_hold for each in found]):.2%}"
    futile = [each for each in found if each.sequential is Verdict.INCONCLUSIVE and each.fraction < 1]
    yield f"{len(futile):,}, {sum(each.in_time is not Verdict.INCONCLUSIVE for each in futile):,}"


@click.command()
@click.option("--runs", default=5000, show_default=True, help="Seeded runs of each point at exactly the tolerance.")
@click.option("--others", default=500, show_default=True, help="Runs of each other point.")
@click.option("--world", "worlds", type=click.Choice(tuple(SCENES)), multiple=True, help="Only these.")
@click.option("--effect", "effects", type=float, multiple=True, help="Changes of all requests, as shares.")
@click.option("--catch", type=float, help="Regression to catch, by default the metric's; the tolerance is half of it.")
@click.option(
    "--looks", default=8, show_default=True, help="A lane with time left over by others has up to twice as many."
)
@click.option("--seed", default=1, show_default=True, help="Each point has its own seeds, derived from this one.")
@click.option("--processes", default=os.cpu_count(), show_default="one per CPU")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    runs: int,
    others: int,
    worlds: tuple[str, ...],
    effects: tuple[float, ...],
    catch: float | None,
    looks: int,
    seed: int,
    processes: int,
) -> None:
    """Print a Markdown table, one line for each world and true change."""
    for line in (_HEAD, ["---"] * len(_HEAD)):
        click.echo("| " + " | ".join(line) + " |")
    with ProcessPoolExecutor(processes) as pool:
        for name in worlds or tuple(SCENES):
            caught = catch or BY_NAME[SCENES[name].requests.metric].catch
            for effect in effects or SCENES[name].effects:
                count = runs if _at_tolerance(name, effect, caught) else others
                found = list(pool.map(partial(_one, name, effect, caught, looks, seed), range(count), chunksize=20))
                click.echo("| " + " | ".join(_point(name, effect, caught, found)) + " |")


if __name__ == "__main__":
    main()
