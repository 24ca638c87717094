"""Simulated machines: times of operations in visits of replicas, with disturbances of known size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from benchmarks.simulation.ops.models import OUTSIDE_MS, Pair, matched, slow_requests
from perfgate.experiment.lanes import place_of
from perfgate.explain.steps import Floats
from perfgate.explain.traces import Traced

STRUCK_MS = 4.0


@dataclass(frozen=True, slots=True)
class World:
    """Standard deviations are of logs; effects have mean 1."""

    replicas: int = 6
    rounds: int = 60
    requests: int = 16
    process_sd: float = 0.006
    """Of replicas, common to all of their operations."""
    process_op_sd: float = 0.01
    """Of replicas, of each operation on its own."""
    execution_sd: float = 0.03
    op_sd: float = 0.05
    """Of one operation in one execution."""
    struck: float = 0.0
    """Share of executions in which an operation, drawn by its length, takes 4 ms longer; also of those untraced."""
    slow_process: float = 0.0
    """Factor - 1 of one replica in ten."""
    drift: float = 0.0
    """From the first to the last round."""
    memory: float = 0.0
    """Correlation of the executions' noise with the one before: two a visit, first the plain one."""
    layout_sd: float = 0.0
    """Of versions: memory that all processes of one share, common to all operations; then of each on its own."""
    layout_op_sd: float = 0.0
    step_ms: float = 0.0
    """Resolution of the operations' times."""


ALL_BUT_PLACEMENT = "all of these, but placement"
WORLDS: dict[str, World] = {
    "processes 0.6 % apart": World(),
    "processes 0.3 % apart": World(process_sd=0.003),
    "processes 1.7 % apart": World(process_sd=0.017),
    "operations of processes 3 % apart": World(process_op_sd=0.03),
    "1 execution in 20 + 4 ms": World(struck=0.05),
    "1 process in 10 + 5 %": World(slow_process=0.05),
    "drift 10 %": World(drift=0.1),
    "correlation 0.8": World(memory=0.8),
    "versions placed 0.4 % apart, operations 1 %": World(layout_sd=0.004, layout_op_sd=0.01),
    "steps of 10 ns": World(step_ms=1e-5),
    "steps of 1 µs": World(step_ms=1e-3),
    ALL_BUT_PLACEMENT: World(
        process_sd=0.017,
        process_op_sd=0.02,
        execution_sd=0.05,
        op_sd=0.1,
        struck=0.05,
        slow_process=0.05,
        drift=0.1,
        memory=0.8,
        step_ms=1e-5,
    ),
}
"""By name; 6 + 6 replicas, 60 rounds, 16 requests, processes 0.6 % apart and their operations another 1 %."""


def simulated(world: World, pair: Pair, rng: np.random.Generator) -> Traced:
    """Draw all visits of a run, in order of time; each round has one request, and all replicas in random order."""
    model, count = matched(pair), 2 * world.replicas
    candidate = np.arange(count) % 2 == 1
    replica = np.concatenate([rng.permutation(count) for _ in range(world.rounds)])
    seed = int(rng.integers(1 << 30))
    request = np.repeat([place_of(index, world.requests, seed) for index in range(world.rounds)], count)
    arm = candidate[replica]
    mine = model.times_ms[arm.astype(np.int64)] * _of_process(world, model.times_ms.shape[1], rng)[replica]
    slow = np.flatnonzero(slow_requests(world.requests)[request])
    mine[slow, model.slow_unit] *= np.array(pair.slow)[arm[slow].astype(np.int64)]
    time = np.linspace(0, world.drift, replica.size)
    own, traced = np.exp(time) * _factors(world, 2 * replica.size, rng).reshape(-1, 2).T
    whole_ms = mine.sum(axis=1)
    outside_ms = OUTSIDE_MS * _lognormal(rng, world.op_sd, replica.size)
    own_ms = (whole_ms + outside_ms) * own + STRUCK_MS * (rng.random(replica.size) < world.struck)
    unit_ms = mine * traced[:, None] * _lognormal(rng, world.op_sd, *mine.shape)
    _alternate(pair, unit_ms, rng)
    _strike(world, unit_ms, mine / whole_ms[:, None], rng)
    if world.step_ms:
        unit_ms = np.round(unit_ms / world.step_ms) * world.step_ms
    return Traced(
        compared=model.compared,
        arm=arm,
        replica=replica.astype(np.int64),
        request=request.astype(np.int64),
        own_ms=own_ms,
        cpu_ms=own_ms,
        traced_ms=unit_ms.sum(axis=1) + outside_ms,
        unit_ms=unit_ms,
        calls=(model.times_ms > 0).astype(np.float64),
    )


def _lognormal(rng: np.random.Generator, sd: float, *shape: int) -> Floats:
    """Draw factors of mean 1."""
    return np.asarray(np.exp(sd * rng.standard_normal(shape, dtype=np.float32) - sd**2 / 2), np.float64)


def _of_process(world: World, units: int, rng: np.random.Generator) -> Floats:
    count = 2 * world.replicas
    placed = _lognormal(rng, world.layout_sd, 2, 1) * _lognormal(rng, world.layout_op_sd, 2, units)
    common = _lognormal(rng, world.process_sd, count, 1) * (1 + world.slow_process * (rng.random((count, 1)) < 0.1))
    return np.tile(placed, (world.replicas, 1)) * common * _lognormal(rng, world.process_op_sd, count, units)


def _factors(world: World, size: int, rng: np.random.Generator) -> Floats:
    """Draw the executions' noise, correlated in order of time."""
    noise = rng.standard_normal(size)
    noise[1:] *= np.sqrt(1 - world.memory**2)
    noise = np.asarray(signal.lfilter([1.0], [1.0, -world.memory], noise))
    return np.asarray(np.exp(world.execution_sd * noise - world.execution_sd**2 / 2), np.float64)


def _alternate(pair: Pair, unit_ms: Floats, rng: np.random.Generator) -> None:
    """Make operations that differ take three times as long in a share of the executions, with the same mean."""
    if pair.uneven:
        differs = matched(pair).compared.differs
        times = np.where(rng.random((len(unit_ms), int(differs.sum()))) < pair.uneven, 3.0, 1.0)
        unit_ms[:, differs] *= times / (1 + 2 * pair.uneven)


def _strike(world: World, unit_ms: Floats, share: Floats, rng: np.random.Generator) -> None:
    rows: NDArray[np.int64] = np.flatnonzero(rng.random(len(unit_ms)) < world.struck)
    until = np.cumsum(share[rows], axis=1)
    hit = (until < rng.random((rows.size, 1)) * until[:, -1:]).sum(axis=1)
    unit_ms[rows, hit] += STRUCK_MS


def level(world: World) -> float:
    """Return the mean factor of drift and slow processes on all times; being struck is no part of the truth."""
    drift = np.exp(np.linspace(0, world.drift, 1000)).mean()
    return float(drift * (1 + 0.1 * world.slow_process))
