"""Time spans of a run: warm-up, lanes, and blocks disturbed by other processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate.experiment.cautions import is_disturbed
from perfgate.results.result import BlockColumns, Result

_LANES = (
    ("cost", "execute", "executions"),
    ("cost", "request", "single requests"),
    ("load", "request", "load"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the run."""

    name: str
    begin_s: float
    """Seconds since the run began."""
    end_s: float


def warm_up(result: Result) -> Span | None:
    """Return the warm-up, which ends where the first block begins; None if nothing was measured or known."""
    lasted_s = result.phases_s.get("warm-up", 0.0)
    if not result.blocks.start_s or lasted_s <= 0:
        return None
    end_s = min(result.blocks.start_s)
    return Span("warm-up", max(end_s - lasted_s, 0.0), end_s)


def lanes(blocks: BlockColumns) -> tuple[Span, ...]:
    """Return each lane and depth from its first block to the end of its last, in the order of a run."""
    return tuple(span for lane, depth, name in _LANES if (span := _lane(blocks, lane, depth, name)) is not None)


def _lane(blocks: BlockColumns, lane: str, depth: str, name: str) -> Span | None:
    places = zip(blocks.lane, blocks.depth, blocks.start_s, blocks.wall_s, strict=True)
    mine = [(start_s, start_s + wall_s) for one, other, start_s, wall_s in places if (one, other) == (lane, depth)]
    return Span(name, min(begin for begin, _ in mine), max(end for _, end in mine)) if mine else None


def parted(t: NDArray[np.float64], spans: Sequence[Span]) -> tuple[NDArray[np.int64], ...]:
    """Return the indices of ascending instants by span; instants before the first span belong to it."""
    begins = np.searchsorted(t, [span.begin_s for span in spans[1:]])
    return tuple(np.split(np.arange(t.size), begins))


def disturbed_blocks(blocks: BlockColumns) -> tuple[bool, ...]:
    """Return for each block whether other processes disturbed it, by the rule of the cautions."""
    conditions = zip(blocks.lane, blocks.steal_share, blocks.cpu_pressure_share, strict=True)
    return tuple(is_disturbed(lane, steal, pressure) for lane, steal, pressure in conditions)


def disturbed(blocks: BlockColumns, nearer_s: float = 0.0) -> tuple[Span, ...]:
    """Return the disturbed stretches, merging those that are no further apart than `nearer_s`."""
    return tuple(_merged(blocks, nearer_s))


def _merged(blocks: BlockColumns, nearer_s: float) -> Iterator[Span]:
    hit = np.flatnonzero(disturbed_blocks(blocks))
    start_s, wall_s = np.array(blocks.start_s, np.float64)[hit], np.array(blocks.wall_s, np.float64)[hit]
    order = np.argsort(start_s, kind="stable")
    begin_s, end_s = start_s[order], (start_s + wall_s)[order]
    reach_s = np.maximum.accumulate(end_s) if hit.size else end_s
    apart = np.flatnonzero(begin_s[1:] > reach_s[:-1] + nearer_s) + 1
    for part in np.split(np.arange(hit.size), apart):
        if part.size:
            yield Span("disturbed", float(begin_s[part[0]]), float(reach_s[part[-1]]))
