"""Synthetic measurements with known truth, directly as columns: thousands of runs in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate.metrics import Source
from perfgate.stats.contrast import Sample
from perfgate.stats.table import ARMS, SOURCES, STATES, Columns, TrialTable
from perfgate.trials import Arm, ReplicaFacts, State

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """The machine's effects on single executions; log scale unless stated otherwise.

    Defaults follow docs/explanation/method.md: replicas 0.6 % apart, request noise with lag-1 autocorrelation 0.39,
    drift over the run, and one disturbed trial in fifty. Fewer, quieter blocks represent many noisy ones.
    """

    replicas: int = 12
    parents: int = 2
    blocks: int = 40
    replica_sd: float = 0.006
    parent_sd: float = 0.005
    request_sd: float = 0.04
    autocorrelation: float = 0.39
    drift: float = 0.10
    start_slope: float = 0.0
    """Change from the first to the last started replica."""
    spike_share: float = 0.02
    spike_log: float = 1.2
    second_mode: float = 0.0
    """A quarter of the replicas are slower by this much."""
    region_sd: float = 0.0
    """Standard deviation of memory regions: a replica begins a new one with probability 1/4, else shares the last."""


def design(world: World) -> tuple[NDArray[np.bool_], NDArray[np.int64], Floats]:
    """Candidate flags, parents and start positions: A B B A B A A B, pairs distributed over the parents in turn."""
    pair = np.repeat(np.arange(world.replicas), 2)
    swapped = np.array([number.bit_count() % 2 for number in pair])
    candidate = (np.arange(pair.size) + swapped) % 2 == 1
    return candidate, pair % world.parents, np.arange(pair.size, dtype=np.float64)


def replica_levels(world: World, effect: float, rng: np.random.Generator) -> Floats:
    """Log level of each replica: the difference between processes of one model, and the injected change."""
    candidate, parent, position = design(world)
    levels = rng.normal(0, world.replica_sd, candidate.size)
    levels += rng.normal(0, world.parent_sd, world.parents)[parent]
    levels += world.second_mode * (rng.random(candidate.size) < 0.25)
    levels += world.start_slope * position / position.max()
    if world.region_sd:
        region = np.cumsum(rng.random(candidate.size) < 1 / 4)
        levels += rng.normal(0, world.region_sd, candidate.size + 1)[region]
    return np.asarray(levels + np.log1p(effect) * candidate, np.float64)


def sample(world: World, effect: float, rng: np.random.Generator) -> Sample:
    """One number a replica, as the block-relative estimator would return it."""
    candidate, parent, position = design(world)
    return Sample(replica_levels(world, effect, rng), candidate, parent, position)


def logs(world: World, effect: float, rng: np.random.Generator) -> Floats:
    """Log times, blocks x replicas."""
    levels = replica_levels(world, effect, rng)
    shape = (world.blocks, levels.size)
    noise = autoregressive(shape, world.autocorrelation, rng) * world.request_sd
    spikes = world.spike_log * (rng.random(shape) < world.spike_share)
    drift = np.linspace(0, world.drift, world.blocks)[:, None]
    return np.asarray(levels + noise + spikes + drift, np.float64)


def autoregressive(shape: tuple[int, ...], correlation: float, rng: np.random.Generator) -> Floats:
    """AR(1) along the first axis with unit variance."""
    steps = rng.normal(size=shape)
    steps[1:] *= np.sqrt(1 - correlation**2)
    for i in range(1, shape[0]):
        steps[i] += correlation * steps[i - 1]
    return steps


def facts(world: World) -> tuple[ReplicaFacts, ...]:
    candidate, parent, position = design(world)
    rows = zip(candidate.tolist(), parent.tolist(), position.tolist(), strict=True)
    return tuple(
        ReplicaFacts(i, ARMS[is_candidate], origin, int(place), 100 + i, 0.5, 20.0, 10, 0.1, warm=True)
        for i, (is_candidate, origin, place) in enumerate(rows)
    )


_UNTOLD = ("rss_mb", "rss_peak_mb", "pss_mb", "queue_ms", "encode_ms", "batch_size", "context_switches", "page_faults")


def columns(
    log_ms: Floats,
    candidate: NDArray[np.bool_],
    source: Source = Source.EXECUTE,
    requests: int = 1,
    payload: NDArray[np.int64] | None = None,
) -> Columns:
    """Convert blocks x replicas to trials, each with that many equal requests."""
    blocks, replicas = log_ms.shape
    ms = np.exp(log_ms).ravel()
    size = ms.size
    times = np.repeat(ms, requests)
    state = State.UNDER_LOAD if source is Source.LOAD else State.COLD
    return Columns(
        source=np.full(size, SOURCES.index(source)),
        state=np.full(size, STATES.index(state)),
        block=np.repeat(np.arange(blocks), replicas),
        arm=np.tile(candidate.astype(np.int64), blocks),
        replica=np.tile(np.arange(replicas), blocks),
        wall_s=ms * requests / 1000,
        cpu_ms=np.full(size, np.nan),
        **{name: np.full(size, np.nan) for name in _UNTOLD},
        requests=np.full(size, requests),
        unrecorded=np.zeros(size, np.int64),
        payload=np.repeat(np.full(blocks, -1) if payload is None else payload, replicas),
        service_ms=times,
        response_ms=times,
        status=np.zeros(times.size, np.int8),
    )


def table(world: World, effect: float, rng: np.random.Generator) -> TrialTable:
    """A run with the execute lane only, and unknown CPU time."""
    candidate, _, _ = design(world)
    sizes = {Arm.BASELINE: 10.0, Arm.CANDIDATE: 10.0}
    return TrialTable(columns(logs(world, effect, rng), candidate), facts(world), sizes)
