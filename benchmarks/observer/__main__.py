"""`python -m benchmarks.observer`: the share of a core that the sampler uses, and the cost of each single reading."""

from __future__ import annotations

import json
import math
import statistics
import time
from dataclasses import asdict

import click

from benchmarks.observer.crowd import crowd
from benchmarks.observer.readings import costs
from perfgate.observe.sampling import Sampler


@click.command()
@click.option("--processes", type=click.IntRange(1), default=16, show_default=True)
@click.option("--rss", "rss_mb", type=click.IntRange(1), default=340, show_default=True, help="MiB of each; shared.")
@click.option("--threads", type=click.IntRange(1), default=40, show_default=True, help="Of each.")
@click.option("--every", "every_s", type=click.FloatRange(0.001), default=0.1, show_default=True, help="Seconds.")
@click.option(
    "--pss-every", "pss_every_s", type=float, default=10.0, show_default=True, help="Seconds, second table row."
)
@click.option("--seconds", type=click.FloatRange(0.2), default=10.0, show_default=True, help="Per round.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    processes: int,
    rss_mb: int,
    threads: int,
    every_s: float,
    pss_every_s: float,
    seconds: float,
    rounds: int,
    as_json: bool,  # noqa: FBT001 - click's way of passing options
) -> None:
    """Sample real processes, and read them individually."""
    with crowd(processes, rss_mb, threads) as pids:
        time.sleep(0.5)
        shares = {
            "CPU time and RSS": [_share(pids, every_s, math.inf, seconds) for _ in range(rounds)],
            f"CPU time and RSS, PSS every {pss_every_s:g} s": [
                _share(pids, every_s, pss_every_s, seconds) for _ in range(rounds)
            ],
        }
        readings = list(costs(pids, seconds / 10))
    if as_json:
        print(json.dumps({"shares": shares, "readings": [asdict(each) for each in readings]}, indent=2))
        return
    print(f"{processes} processes of {rss_mb} MiB and {threads} threads, every {every_s * 1e3:g} ms\n")
    print("| sampled | share of one core |\n|---|--:|")
    for what, each in shares.items():
        print(f"| {what} | {statistics.median(each):.2%} [{min(each):.2%} to {max(each):.2%}] |")
    print("\n| reading | CPU µs |\n|---|--:|")
    for cost in readings:
        print(f"| {cost.what} | {cost.median_us:,.1f} [{cost.least_us:,.1f} to {cost.most_us:,.1f}] |")


def _share(pids: list[int], every_s: float, pss_every_s: float, seconds: float) -> float:
    with Sampler(pids, every_s, pss_every_s) as sampler:
        time.sleep(seconds)
    wanted = len(pids) * seconds / every_s
    if len(sampler.series().time_s) < wanted / 2:
        raise click.ClickException(
            f"{len(sampler.series().time_s)} samples, of {wanted:.0f}: the machine is too busy for a measurement"
        )
    return sampler.cost_share


if __name__ == "__main__":
    main()
