"""`python -m benchmarks.simulation.fleet`: how often whole fleets raise a false alarm, and what they find."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import click
from scipy import stats

from benchmarks.simulation.fleet.fleets import Kind, simulate
from benchmarks.simulation.worlds import WORLDS
from perfgate.fleet.schema import Correction, Family
from perfgate.gate.verdict import Verdict
from tests.stats.generator import World

TAU = 0.025
_HEAD = ("world", "fleet", "fleets", "with a false alarm", "false failures", "found", "undecided gates")
_WORLDS: dict[str, World] = {
    **{name: WORLDS[name] for name in ("measured", "noisy", "4 replicas an arm", "autocorrelation 0.8")},
    **{name: WORLDS[name] for name in ("one execution in ten hit", "two kinds of replica, 2 % apart")},
    "start order, 6 %": WORLDS["start order, 6 %"],
}


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the gates of a fleet really are."""

    effects: tuple[float, ...]
    kind: Kind


def fleets(count: int) -> dict[str, Fleet]:
    """Return the kinds of fleets, by name."""
    eight = tuple(0.2 if place % 6 == 3 and place < 48 else 0.0 for place in range(count))
    five = tuple(0.05 if value else 0.0 for value in eight)
    hidden = tuple(0.2 if value else TAU for value in eight)
    whole, hochberg = Kind(count), Kind(count, correction=Correction.BENJAMINI_HOCHBERG)
    return {
        "equal": Fleet((0.0,) * count, whole),
        "at the tolerance": Fleet((TAU,) * count, whole),
        "at the tolerance, Benjamini-Hochberg": Fleet((TAU,) * count, hochberg),
        "at the tolerance, a level for each gate": Fleet((TAU,) * count, Kind(count, family=Family.GATE)),
        "8 slower by 20 %": Fleet(eight, whole),
        "8 slower by 5 %": Fleet(five, whole),
        "8 slower by 5 %, Benjamini-Hochberg": Fleet(five, hochberg),
        "8 slower by 20 %, others at the tolerance, Benjamini-Hochberg": Fleet(hidden, hochberg),
    }


def _one(world: str, name: str, gates: int, seed: int, number: int) -> tuple[Verdict, ...]:
    fleet = fleets(gates)[name]
    own = zlib.crc32(f"{world} {name}".encode())
    return simulate(_WORLDS[world], fleet.effects, fleet.kind, (seed, own, number))


def _row(world: str, name: str, fleet: Fleet, found: list[tuple[Verdict, ...]]) -> Iterator[str]:
    equal = [place for place, effect in enumerate(fleet.effects) if effect <= TAU]
    false = [sum(each[place] is Verdict.FAIL for place in equal) for each in found]
    alarms = sum(count > 0 for count in false)
    interval = stats.binomtest(alarms, len(found)).proportion_ci(0.95)
    slow = [place for place, effect in enumerate(fleet.effects) if effect > TAU]
    failures = sum(each[place] is Verdict.FAIL for each in found for place in slow)
    yield world
    yield name
    yield f"{len(found):,}"
    yield f"{alarms / len(found):.2%} [{interval.low:.2%}, {interval.high:.2%}]"
    yield f"{sum(false)} of {sum(false) + failures}" if slow else f"{sum(false)} of {len(found) * len(equal):,} gates"
    yield f"{failures / (len(found) * len(slow)):.1%}" if slow else ""
    yield f"{sum(v is Verdict.INCONCLUSIVE for each in found for v in each) / (len(found) * len(fleet.effects)):.1%}"


@click.command()
@click.option("--runs", default=200, show_default=True, help="Simulated fleets of each point.")
@click.option("--gates", default=50, show_default=True, help="Gates of a fleet.")
@click.option("--world", "worlds", type=click.Choice(tuple(_WORLDS)), multiple=True, help="Only these.")
@click.option("--fleet", "names", type=click.Choice(tuple(fleets(50))), multiple=True, help="Only these.")
@click.option("--seed", default=1, show_default=True, help="Each point has its own seeds, derived from this one.")
@click.option("--processes", default=os.cpu_count(), show_default="one per CPU")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    runs: int, gates: int, worlds: tuple[str, ...], names: tuple[str, ...], seed: int, processes: int
) -> None:
    """Print a Markdown table, one line for each world and kind of fleet."""
    print("| " + " | ".join(_HEAD) + " |\n|" + "---|" * len(_HEAD), flush=True)
    with ProcessPoolExecutor(processes) as pool:
        for world in worlds or tuple(_WORLDS):
            for name in names or tuple(fleets(gates)):
                found = list(pool.map(partial(_one, world, name, gates, seed), range(runs), chunksize=2))
                print("| " + " | ".join(_row(world, name, fleets(gates)[name], found)) + " |", flush=True)


if __name__ == "__main__":
    main()
