"""`python -m benchmarks.simulation.tails`: comparisons of an arm's 99th percentile, with servers as clusters."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import log1p

import click
import numpy as np
from scipy import signal, special

from perfgate.metrics import BY_NAME
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import estimate
from perfgate.stats.table import Columns, Floats, TrialTable
from perfgate.trials import Arm
from tests.stats.build import load_trials

P99 = BY_NAME["latency_p99_ms"]
ALPHA = 0.01
FAMILY = 6
"""Number of metrics that share the level of a failure in the default gate."""
TIMES = 5.0
_SD = 0.2
_ONE_IN_60 = 1 / 60
_HEAD = (
    "servers per arm \N{MULTIPLICATION SIGN} requests",
    "servers differ by",
    "autocorrelation time, requests",
    "slow requests in both arms, five times as long",
    "standard error / true value",
    "bounds miss, lower and upper",
    f"one in 60 more slow requests in the candidate: fails (τ = {P99.catch / 2:.0%}, level 1/{FAMILY} %)",
)


@dataclass(frozen=True, slots=True)
class Tail:
    """Lognormal times, some requests `TIMES` times as long."""

    servers: int
    requests: int
    server_sd: float = 0.02
    slow: float = 0.0
    memory: float = 0.0
    """Correlation of consecutive requests' times."""

    @property
    def seed(self) -> int:
        """The row's own seed."""
        return zlib.crc32(repr(self).encode())


ROWS = (
    Tail(12, 200),
    Tail(12, 200, slow=1 / 200),
    Tail(12, 200, slow=1 / 100),
    Tail(12, 200, memory=0.8),
    Tail(12, 200, memory=0.8, slow=1 / 100),
    Tail(6, 400, server_sd=0.05, slow=1 / 100),
    Tail(12, 2_000, slow=1 / 100),
    Tail(12, 2_000, server_sd=0.1),
)


def effect(tail: Tail, more_slow: float, rng: np.random.Generator) -> Effect:
    """Compare two arms once; `more_slow`: the share of requests that are slow only in the candidate."""

    def times_ms(arm: Arm, _: int) -> list[float]:
        fresh = rng.standard_normal(tail.requests)
        fresh[1:] *= np.sqrt(1 - tail.memory**2)
        noise = np.asarray(signal.lfilter([1.0], [1.0, -tail.memory], fresh))
        slow = rng.random(tail.requests) < tail.slow + more_slow * (arm is Arm.CANDIDATE)
        level = tail.server_sd * rng.standard_normal()
        times: Floats = np.exp(_SD * noise + level) * np.where(slow, TIMES, 1.0)
        return list(times.tolist())

    found = estimate(P99, TrialTable(Columns.of(load_trials(tail.servers, times_ms))), ALPHA, cross_check=False)
    if found is None:
        msg = f"too few requests for p99: {tail}"
        raise ValueError(msg)
    return found


def cells(tail: Tail, runs: int) -> Iterator[str]:
    """Return one row: equal arms for errors, one slow request in 60 for power."""
    equal = [effect(tail, 0.0, np.random.default_rng((tail.seed, 0, run))) for run in range(runs)]
    worse = [effect(tail, _ONE_IN_60, np.random.default_rng((tail.seed, 1, run))) for run in range(runs)]
    yield f"{tail.servers} \N{MULTIPLICATION SIGN} {tail.requests:,}"
    yield f"{tail.server_sd:.0%}"
    yield f"{(1 + tail.memory) / (1 - tail.memory):.0f}"
    yield f"1 in {1 / tail.slow:.0f}" if tail.slow else "none"
    spread = float(np.std([each.log_change for each in equal], ddof=1))
    yield f"{np.sqrt(np.mean([each.log_se**2 for each in equal])) / spread:.2f}"
    missed = [np.mean([each.lower > 0 for each in equal]), np.mean([each.upper < 0 for each in equal])]
    yield ", ".join(f"{100 * share:.1f}" for share in missed) + " %"
    yield f"{np.mean([_fails(each) for each in worse]):.0%}"


def _fails(found: Effect) -> bool:
    half = -float(special.stdtrit(found.df, ALPHA / FAMILY)) * found.log_se
    return found.log_change - half > log1p(P99.catch / 2)


@click.command()
@click.option("--runs", default=600, show_default=True, help="Seeded runs of each row, equal and worse.")
def main(runs: int) -> None:
    """Print a Markdown table, one line for each row."""
    for line in (_HEAD, ["---"] * len(_HEAD)):
        click.echo("| " + " | ".join(line) + " |")
    for tail in ROWS:
        click.echo("| " + " | ".join(cells(tail, runs)) + " |")


if __name__ == "__main__":
    main()
