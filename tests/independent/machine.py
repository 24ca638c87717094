"""A simulated machine: times of executions on it, with an exactly known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.independent.effect import Design
from tests.independent.requests_mean import Visits

Floats = NDArray[np.float64]
ALIKE = tuple([1.0] * 16)


@dataclass(frozen=True, slots=True)
class Machine:
    """Standard deviations are of logs; each block has one payload."""

    replicas: int = 12
    parents: int = 1
    rounds: int = 8
    """Cost of each payload, in an order that is drawn anew each time."""
    cost: tuple[float, ...] = ALIKE
    hit: tuple[float, ...] = ALIKE
    """Candidate's factor on each payload, in addition to the change of all."""
    struck_share: float = 0.0
    """Share of the candidate's executions that take `struck_times` as long, at random."""
    struck_times: float = 3.0
    replica_sd: float = 0.005
    parent_sd: float = 0.0
    request_sd: float = 0.03
    memory: float = 0.4
    """Correlation of a replica's noise in one block with that in the next."""
    spike_share: float = 0.02
    spike_times: float = 3.3
    drift: float = 0.1
    trend: float = 0.0
    """From the first replica started to the last."""
    slow_kind: float = 0.0
    """One replica in four is slower by this."""
    region_sd: float = 0.0
    """Standard deviation of memory regions; replicas that start one after the other mostly share one."""
    region_starts: float = 4.0
    """Mean number of replicas in one region."""


def design(machine: Machine) -> Design:
    """Pairs A B, B A, B A, A B and so on, distributed over the fork servers in turn."""
    order = [0, 1]
    while len(order) < 2 * machine.replicas:
        order += [1 - side for side in order]
    arm = np.array(order[: 2 * machine.replicas])
    place = np.arange(arm.size)
    return Design(arm, place // 2 % machine.parents, place.astype(np.float64))


def truth(machine: Machine, change: float) -> float:
    """Change of the mean over requests if every payload changes by that much, in addition to the changes of some."""
    cost, hit = np.array(machine.cost), np.array(machine.hit)
    struck = 1 + machine.struck_share * (machine.struck_times - 1)
    return float((1 + change) * struck * (cost * hit).sum() / cost.sum() - 1)


def noise(machine: Machine, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Normal noise with memory from block to block, in its stationary state."""
    fresh = rng.standard_normal(shape)
    done = fresh.copy()
    for block in range(1, shape[1]):
        done[:, block] = machine.memory * done[:, block - 1] + np.sqrt(1 - machine.memory**2) * fresh[:, block]
    return machine.request_sd * done


def replica_levels(machine: Machine, runs: int, rng: np.random.Generator) -> Floats:
    """Logs of the differences between processes of one model, runs x replicas."""
    who = design(machine)
    shape = runs, who.arm.size
    level = machine.replica_sd * rng.standard_normal(shape)
    level += machine.parent_sd * rng.standard_normal((runs, machine.parents))[:, who.parent]
    level += np.log1p(machine.slow_kind) * (rng.random(shape) < 0.25)
    if machine.region_sd:
        region = np.cumsum(rng.random(shape) < 1 / machine.region_starts, axis=1, dtype=np.int64)
        levels = machine.region_sd * rng.standard_normal((runs, who.arm.size + 1))
        level += np.take_along_axis(levels, region, axis=1)
    return np.asarray(level + machine.trend * who.position / who.position.max())


def simulated(machine: Machine, change: float, runs: int, rng: np.random.Generator) -> Visits:
    """Make runs in which every payload changes by `change`, and some by their own changes in addition.

    The costs of payloads, and which ones are affected, are drawn for each run.
    """
    arm = design(machine).arm
    payload = np.concatenate([rng.permutation(len(machine.cost)) for _ in range(machine.rounds)])
    shape = runs, payload.size, arm.size
    logs = replica_levels(machine, runs, rng)[:, None] + noise(machine, shape, rng)
    logs += np.log(machine.spike_times) * (rng.random(shape) < machine.spike_share)
    logs += np.log(machine.struck_times) * (rng.random(shape) < machine.struck_share) * arm
    logs += machine.drift * np.arange(payload.size)[:, None] / payload.size
    which = rng.permuted(np.tile(np.arange(len(machine.cost)), (runs, 1)), axis=1)[:, payload]
    logs += np.log(machine.cost)[which][..., None]
    logs += (np.log1p(change) + np.log(machine.hit)[which])[..., None] * arm
    return Visits(logs, arm, payload)
