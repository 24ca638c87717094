"""`python -m benchmarks.simulation.occasions`: stored numbers if records are correlated for hours and days."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import product
from math import log1p

import click
import numpy as np

from tests.stats.timeline import Missed, Timeline, by_days, by_records

ALPHA = 0.01
TOLERANCE = log1p(0.025)
RECORDS = (1, 2, 5, 10, 20)
SPACINGS_H = (1.0, 6.0, 24.0)
DISTANCES_H = (1.0, 24.0, 72.0, 168.0)
LENGTHS_H = (0.0, 6.0, 24.0, 72.0)
_HEAD = (
    "sd of occasions", "correlation time", "records", "spacing", "misses per side: before", "now",
    "equal models fail (τ = 2.5 %): before", "now", "half-width: before", "now",
)  # fmt: skip


def _point(world: Timeline, runs: int, seed: int) -> tuple[Missed, Missed]:
    """Judge the same draws by both rules; each point has its own seeds."""
    rng = np.random.default_rng((seed, zlib.crc32(repr(world).encode())))
    drawn = [world.draw(rng) for _ in range(runs)]
    old, new = ([rule(*each) for each in drawn] for rule in (by_records, by_days))
    return Missed.of(old, ALPHA, TOLERANCE), Missed.of(new, ALPHA, TOLERANCE)


def _line(worlds: Sequence[Timeline], runs: int, seed: int) -> Iterator[str]:
    """Return the worst over the candidate's distances."""
    first, found = worlds[0], [_point(world, runs, seed) for world in worlds]
    yield f"{first.sd:.0%}" + (f", drift {first.drift:.2%} per day" if first.drift else "")
    yield f"{first.length_h:g} h"
    yield f"{first.records}"
    yield f"{first.spacing_h:g} h" if first.records > 1 else ""
    yield f"{max(old.worse for old, _ in found):.1%}"
    yield f"{max(new.worse for _, new in found):.1%}"
    for rule in (0, 1):
        yield f"{max(each[rule].failed for each in found):.1%}"
    for rule in (0, 1):
        yield f"{np.median([each[rule].half for each in found]):.3f}"


@click.command()
@click.option("--runs", default=1000, show_default=True, help="Seeded runs of each point.")
@click.option(
    "--sd", "sds", type=float, multiple=True, default=(0.01, 0.16), help="Standard deviation of the occasions."
)
@click.option(
    "--hours", "lengths", type=float, multiple=True, default=LENGTHS_H, help="Correlation time of the occasions."
)
@click.option("--records", type=int, multiple=True, default=RECORDS, help="Number of records.")
@click.option("--apart", "spacings", type=float, multiple=True, default=SPACINGS_H, help="Hours between records.")
@click.option("--drift", default=0.0, show_default=True, help="Trend per day, as a share of the sd.")
@click.option("--seed", default=1, show_default=True)
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    runs: int,
    sds: Sequence[float],
    lengths: Sequence[float],
    records: Sequence[int],
    spacings: Sequence[float],
    drift: float,
    seed: int,
) -> None:
    """Print a Markdown table: the previous rule, which counted records, and the present one, which counts days, at
    the worst of four candidates 1 h to 7 days after the newest record."""  # noqa: D205, D209 - click shows it as it stands
    for line in (_HEAD, ["---"] * len(_HEAD)):
        click.echo("| " + " | ".join(line) + " |")
    for sd, length_h, count, spacing_h in product(sds, lengths, records, spacings):
        if count == 1 and spacing_h != spacings[0]:
            continue
        worlds = [Timeline(count, spacing_h, each, length_h, sd, drift * sd) for each in DISTANCES_H]
        click.echo("| " + " | ".join(_line(worlds, runs, seed)) + " |")


if __name__ == "__main__":
    main()
