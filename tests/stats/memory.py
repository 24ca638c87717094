"""Synthetic readings of resident memory with a known leak: allocators grow in lumps, and late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate.stats.table import Columns, TrialTable
from tests.stats.generator import World, columns, design, facts

_SHAPE = 2.0


@dataclass(frozen=True, slots=True)
class Readings:
    """How the resident set of a server changes, as with the ranking model (docs/explanation/method.md)."""

    count: int = 8
    requests: int = 1500
    """Requests of one replica between its first and last reading."""
    lump_mb: float = 0.2
    """Amount that the allocator takes at a time."""
    lumps_per_1k: float = 1.0
    """Allocations that happen occasionally in a server that does not leak."""
    touched_mb: float = 0.3
    """Memory first touched in the first tenth of the requests, mean over replicas."""
    level_sd_mb: float = 0.5
    given_back_mb: float = 0.0
    """Step about half-way: protobuf trims the heap of every thread after a number of messages."""


def rss_mb(readings: Readings, leaks_mb: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Readings x replicas; `leaks_mb` per 1,000 requests, one a replica."""
    served = np.linspace(0, readings.requests, readings.count)[:, None] / 1000
    size = leaks_mb.size
    kept = served * leaks_mb + readings.lump_mb * rng.random(size)
    leaked = readings.lump_mb * np.floor(kept / readings.lump_mb)
    own = readings.lump_mb * rng.poisson(
        readings.lumps_per_1k * np.diff(served, axis=0, prepend=0), (len(served), size)
    )
    touched = readings.touched_mb * rng.gamma(_SHAPE, 1 / _SHAPE, size) * np.minimum(1, 10 * served / served[-1])
    trimmed = readings.given_back_mb * (served > served[-1] * rng.uniform(0.4, 0.6, size))
    return np.asarray(340 - trimmed + rng.normal(0, readings.level_sd_mb, size) + leaked + own.cumsum(axis=0) + touched)


def memory_table(world: World, readings: Readings, leak_mb: float, rng: np.random.Generator) -> TrialTable:
    """A run in which each trial represents many requests, and the candidate leaks that many MiB per 1,000."""
    candidate, _, _ = design(world)
    made = columns(np.zeros((readings.count, candidate.size)), candidate)
    sizes_mb = rss_mb(readings, np.where(candidate, leak_mb, 0.0), rng).ravel()
    gap = readings.requests // (readings.count - 1) - 1
    kept = {name: getattr(made, name) for name in Columns.__dataclass_fields__}
    kept |= {"rss_mb": sizes_mb, "unrecorded": np.full(sizes_mb.size, gap)}
    return TrialTable(Columns(**kept), facts(world))
