"""Rounds of several clients in turn (A B C A B C …), and their combined results."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import isnan, nan
from pathlib import Path
from statistics import median

from benchmarks.driver import foreign
from benchmarks.driver.job import Finding, Job

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 30.0
OURS = "perfgate"


@dataclass(frozen=True, slots=True)
class Spread:
    """One number over the rounds."""

    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load that was measured: closed loop, or Poisson arrivals if `rate_rps` is above 0."""

    in_flight: int
    rate_rps: float
    rounds: dict[str, tuple[Finding, ...]]
    """By client, in order of time."""


def spread(values: Sequence[float]) -> Spread:
    """Summarise the rounds in which the number is known, not NaN."""
    known = [value for value in values if not isnan(value)] or [nan]
    return Spread(median(known), min(known), max(known))


def others(load: Load) -> list[str]:
    """Return the clients that perfgate is compared with."""
    return [client for client in load.rounds if client != OURS] if OURS in load.rounds else []


def ratio_rps(load: Load, other: str) -> Spread:
    """Divide perfgate's requests/s by those of another client, round by round."""
    return _ratio(load, other, lambda ours, theirs: ours.rps / theirs.rps)


def ratio_per_cpu(load: Load, other: str) -> Spread:
    """Compare requests per second of the client's own CPU time, which other work on the machine affects less."""
    return _ratio(load, other, lambda ours, theirs: theirs.cpu_us_per_request / ours.cpu_us_per_request)


def _ratio(load: Load, other: str, compare: Callable[[Finding, Finding], float]) -> Spread:
    pairs = zip(load.rounds[OURS], load.rounds[other], strict=True)
    return spread([compare(ours, theirs) for ours, theirs in pairs])


def run_rounds(job: Job, clients: Sequence[str], rounds: int, run: Callable[[Job], Finding]) -> Load:
    """Run each client once a round, always in the same order, with the job's seconds divided among the rounds."""
    found: dict[str, list[Finding]] = {client: [] for client in clients}
    for index in range(rounds):
        for client in clients:
            turn = replace(job, client=client, seconds=job.seconds / rounds, seed=index)
            found[client].append(run(turn))
    return Load(job.in_flight, job.rate_rps, {client: tuple(findings) for client, findings in found.items()})


def in_a_process(job: Job) -> Finding:
    """Run one job in a fresh process."""
    if job.client in foreign.INSTALL:
        return foreign.measure(job)
    command = [sys.executable, "-m", "benchmarks.driver.client", json.dumps(asdict(job))]
    patience_s = _PATIENCE_S + 2 * job.seconds
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, timeout=patience_s, check=True)
    return Finding(**json.loads(done.stdout))
