"""Points of the tables: a simulated machine and a pair of models, each with its own seeds."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

from benchmarks.simulation.ops.models import Pair
from benchmarks.simulation.ops.worlds import ALL_BUT_PLACEMENT, WORLDS, World

TOLERANCE = 0.0025
"""Of `changed_ops_ms` by default: half of the regression to catch."""
EQUAL = Pair("equal graphs")
MIXED = Pair(
    "added 3 %, removed 2 %, changed 5 % + 1 %", added=0.03, removed=0.02, touched=0.05, touched_by=0.01, ops=24
)
COSTLESS = Pair("20 places, as much added as removed", added=0.1, removed=0.1, touched=0.1, places=20, ops=60)
EXCHANGED = Pair("5 % exchanged for 5 %", added=0.05, removed=0.05, ops=24)
REWRITTEN = Pair("40 % exchanged for 40 %", added=0.4, removed=0.4, places=4, ops=24)
SLOW_IN_BOTH = (2.5, 2.5)
SLOW_IN_ONE = (1.0, 2.5)


def added(share: float, ops: int = 170) -> Pair:
    """Return a pair whose candidate has one more operation."""
    return Pair(f"added {share:.2%}", added=share, ops=ops)


@dataclass(frozen=True, slots=True)
class Point:
    """One row of a table."""

    machine: str
    world: World
    pair: Pair

    @property
    def seed(self) -> int:
        """Seeds of its own."""
        return zlib.crc32(repr(self).encode())


def _everywhere(pair: Pair) -> list[Point]:
    return [Point(name, world, pair) for name, world in WORLDS.items()]


def _slow(pair: Pair) -> list[Point]:
    """Two of 16 requests take one operation 2.5 times as long: in both versions, or only in the candidate."""
    name, world = "processes 0.6 % apart", WORLDS["processes 0.6 % apart"]
    return [
        Point(f"{name}, 2 of 16 requests slow in both", world, replace(pair, slow=SLOW_IN_BOTH)),
        Point(f"{name}, 2 of 16 requests slow in the candidate", world, replace(pair, slow=SLOW_IN_ONE)),
    ]


def _few(pair: Pair) -> list[Point]:
    worst = ("processes 0.6 % apart", ALL_BUT_PLACEMENT)
    return [Point(name, replace(WORLDS[name], rounds=count), pair) for name in worst for count in (2, 4, 10)]


def _uneven(pair: Pair) -> list[Point]:
    name = "processes 0.6 % apart"
    shares = (0.1, 0.3, 0.5)
    return [
        Point(f"{name}, 3 times as long in {share:.0%}", WORLDS[name], replace(pair, uneven=share)) for share in shares
    ]


def _sampled(pair: Pair) -> list[Point]:
    """Fewer rounds than requests, of which two are slow in the candidate."""
    found = _slow(pair)[1]
    return [replace(found, world=replace(found.world, rounds=count)) for count in (4, 10)]


def _once(pair: Pair) -> list[Point]:
    """As many requests as rounds: each comes once."""
    names = ("processes 0.6 % apart", "1 execution in 20 + 4 ms")
    return [Point(f"{name}, 60 requests", replace(WORLDS[name], requests=60), pair) for name in names]


INTERVALS = (
    *_everywhere(MIXED),
    *_slow(MIXED),
    *_few(MIXED),
    *_sampled(MIXED),
    *_once(MIXED),
    *_uneven(MIXED),
)
ERRORS = (
    *(point for pair in (EQUAL, COSTLESS) for point in (*_everywhere(pair), *_few(pair))),
    *_slow(EQUAL)[:1],
)
POWER = tuple(
    Point(name, replace(WORLDS[name], rounds=rounds), added(share))
    for name in ("processes 0.6 % apart", "processes 1.7 % apart", ALL_BUT_PLACEMENT)
    for share in (0.0025, 0.005, 0.01)
    for rounds in (60, 10)
)
AT_TOLERANCE = (added(TOLERANCE, 24), replace(EXCHANGED, name="5.25 % for 5 %", added=0.05 + TOLERANCE))
GATE = (
    *(point for pair in (EXCHANGED, *AT_TOLERANCE) for point in _everywhere(pair)),
    *(point for pair in (EXCHANGED, *AT_TOLERANCE) for point in _few(pair)),
    *(
        Point(name, WORLDS[name], replace(REWRITTEN, name=f"40 % exchanged, {more:+.2%}", added=0.4 + more))
        for name in ("processes 0.6 % apart", "processes 1.7 % apart")
        for more in (0.0, TOLERANCE, 0.005, 0.01)
    ),
    *(
        Point(name, replace(WORLDS[name], rounds=rounds), added(share, 24))
        for name in ("processes 0.6 % apart", "processes 1.7 % apart", ALL_BUT_PLACEMENT)
        for share in (0.005, 0.01)
        for rounds in (60, 10)
    ),
    *_uneven(added(0.005, 24)),
)
