"""`python -m benchmarks.simulation.ops.independent`: key points again, by code that shares nothing with perfgate.

Machine, trimmed mean, Welch's t and Holm are written from docs/explanation/explain.md; the mean over requests is
that of tests/independent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click
import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from tests.independent.effect import Design
from tests.independent.gate import estimated
from tests.independent.requests_mean import Visits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXECUTION = 2.0
BESIDES = 0.1
TAU = 0.0025
_HEAVY = (1.0, 2.5)


@dataclass(frozen=True, slots=True)
class Point:
    """A machine and two models; times are shares of 2 ms."""

    name: str
    alike: int = 24
    new: float = 0.0
    gone: float = 0.0
    replicas: int = 6
    rounds: int = 60
    requests: int = 16
    common: float = 0.006
    """Deviation of replicas; then that of one operation in a replica, of an execution, of an operation in it."""
    own: float = 0.01
    execution: float = 0.03
    operation: float = 0.05
    hit: float = 0.0
    """Share of executions that take 4 ms more."""
    tenth: float = 0.0
    """Factor - 1 of one replica in ten."""
    drift: float = 0.0
    memory: float = 0.0
    heavy: tuple[float, float] = (1.0, 1.0)
    """Factor on the longest operation in 2 of 16 requests, by arm."""

    @property
    def times(self) -> Floats:
        """Arms x operations: those that both have, the removed one, the added one."""
        lengths = np.random.default_rng(20).lognormal(0.0, 1.5, self.alike)
        both = lengths / lengths.sum() * (EXECUTION * (1 - self.gone) - BESIDES)
        old, new = EXECUTION * self.gone, EXECUTION * self.new
        return np.array([[*both, old, 0.0], [*both, 0.0, new]])


@dataclass(slots=True)
class Run:
    """Rounds x replicas (x operations); the second half of the replicas is the candidate."""

    payload: Ints
    traced: Floats
    whole: Floats
    arm: Ints


def draw(point: Point, rng: np.random.Generator) -> Run:
    """Simulate one run."""
    servers, times = 2 * point.replicas, point.times
    arm = np.repeat([0, 1], point.replicas)
    cycles = [rng.permutation(point.requests) for _ in range(point.rounds // point.requests + 1)]
    payload = np.concatenate(cycles)[: point.rounds]
    shape = (point.rounds, servers)
    speed = rng.lognormal(-(point.common**2) / 2, point.common, servers) * (
        1 + point.tenth * (rng.random(servers) < 0.1)
    )
    true = times[arm] * speed[:, None] * rng.lognormal(-(point.own**2) / 2, point.own, (servers, times.shape[1]))
    cost = np.broadcast_to(true, (*shape, times.shape[1])).copy()
    longest = times[:, : point.alike].argmax(axis=1)[0]
    cost[payload < 2, :, longest] *= np.array(point.heavy)[arm]
    slope = np.exp(np.linspace(0, point.drift, point.rounds))[:, None]
    plain, timed = in_order(point, rng)
    traced = cost * (slope * timed)[..., None]
    traced *= rng.lognormal(-(point.operation**2) / 2, point.operation, cost.shape)
    for place in zip(*np.nonzero(rng.random(shape) < point.hit), strict=True):
        share = cost[place] / cost[place].sum()
        traced[(*place, rng.choice(share.size, p=share))] += 4.0
    outside = BESIDES * rng.lognormal(-(point.operation**2) / 2, point.operation, shape)
    whole = (cost.sum(axis=-1) + outside) * slope * plain + 4.0 * (rng.random(shape) < point.hit)
    return Run(payload, traced, whole, arm)


def in_order(point: Point, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Noise of both executions of a visit, correlated along the random order in which replicas are visited."""
    shape = (point.rounds, 2 * point.replicas)
    sequence = rng.standard_normal(2 * shape[0] * shape[1])
    for at in range(1, sequence.size if point.memory else 0):
        sequence[at] = point.memory * sequence[at - 1] + np.sqrt(1 - point.memory**2) * sequence[at]
    order = rng.permuted(np.tile(np.arange(shape[1]), (shape[0], 1)), axis=1)
    noise = np.exp(point.execution * sequence - point.execution**2 / 2).reshape(*shape, 2)
    plain, timed = (np.take_along_axis(noise[..., which], order, axis=1) for which in (0, 1))
    return plain, timed


def numbers(values: Floats, payload: Ints) -> Floats:
    """One number a replica: each payload's lower third, plus the mean of the middle 60 % of what is left."""
    left, levels, kinds = values.copy(), np.zeros(values.shape[2]), set(payload.tolist())
    for one in kinds:
        every = np.sort(values[payload == one].reshape(-1, values.shape[2]), axis=0)
        low = every[(len(every) - 1) // 3]
        left[payload == one] -= low
        levels += low / len(kinds)
    cut = len(payload) // 5
    return np.asarray(levels + np.sort(left, axis=0)[cut : len(payload) - cut].mean(axis=0))


def t_test(base: Floats, candidate: Floats) -> tuple[Floats, Floats, Floats]:
    """Welch: differences, half-widths at 99 %, two-sided p-values."""
    a, b = base.var(axis=0, ddof=1) / len(base), candidate.var(axis=0, ddof=1) / len(candidate)
    apart, se = candidate.mean(axis=0) - base.mean(axis=0), np.sqrt(a + b)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = (a + b) ** 2 / (a**2 / (len(base) - 1) + b**2 / (len(candidate) - 1))
        p = 2 * special.stdtr(df, -np.abs(apart / se))
    return apart, special.stdtrit(df, 0.995) * se, np.where(se > 0, p, 1.0)


def any_rejected(p_values: Floats, alpha: float = 0.01) -> bool:
    """Holm's first step: whether any hypothesis is rejected."""
    return bool(p_values.min() <= alpha / p_values.size)


@dataclass(frozen=True, slots=True)
class Said:
    """What one run says."""

    misses: dict[str, bool]
    named: bool
    """Any operation that both have."""
    found: bool
    """The added operation."""
    fails: bool
    passes: bool
    covered: tuple[bool, bool]
    """By the lower and the upper one-sided bound of the gate."""


def judge(point: Point, rng: np.random.Generator) -> Said:
    """Simulate and judge one run."""
    run, both = draw(point, rng), slice(0, point.alike)
    per_arm = [numbers(run.traced[:, run.arm == side], run.payload) for side in (0, 1)]
    p_values = t_test(*per_arm)[2]
    groups = [run.traced[..., -1], run.traced[..., -2], run.traced[..., both].sum(axis=-1), run.whole]
    table = np.stack(groups, axis=-1)
    arms = [numbers(table[:, run.arm == side], run.payload) for side in (0, 1)]
    arms = [np.column_stack([each, each[:, 3] - each[:, :3].sum(axis=1)]) for each in arms]
    apart, half, _ = t_test(*arms)
    misses = np.abs(apart - truth(point)) > half
    lower, upper = gate(point, run)
    limit, real = np.log1p(TAU), np.log1p(point.new - point.gone)
    return Said(
        misses=dict(zip(("added", "removed", "same", "sum", "rest"), misses.tolist(), strict=True)),
        named=any_rejected(p_values[both]),
        found=bool(point.new and p_values[-1] <= 0.01 / (point.alike + 1)),
        fails=lower > limit,
        passes=upper <= limit,
        covered=(lower <= real, real <= upper),
    )


def truth(point: Point) -> Floats:
    """Return the true changes of added, removed, same, sum and rest."""
    level = np.exp(np.linspace(0, point.drift, 999)).mean() * (1 + 0.1 * point.tenth)
    heavy = 2 / point.requests * (point.heavy[1] - point.heavy[0]) * point.times[0, : point.alike].max()
    new, gone = EXECUTION * point.new, -EXECUTION * point.gone
    return np.asarray(level * np.array([new, gone, heavy, new + gone + heavy, 0.0]))


def gate(point: Point, run: Run) -> tuple[float, float]:
    """Return the one-sided bounds at 99 % of the log change, if all that both have takes equally long.

    A baseline's trials carry what the error of the execution time does to the ratio, winsorised.
    """
    mine, base = run.traced[..., point.alike :].sum(axis=-1), run.arm == 0
    others = run.whole - mine
    rest = np.median(others[:, base], axis=1, keepdims=True)
    old, new = (np.median(mine[:, run.arm == side], axis=1, keepdims=True) for side in (0, 1))
    far = 3 * np.median(np.abs(others - rest)[:, base], axis=1, keepdims=True)
    moved = np.maximum(np.minimum(others - rest, far), -far) * (new - old) / (rest + new)
    logs = np.log(rest + mine + np.where(base, moved, 0.0))[None]
    position = np.concatenate([2.0 * np.arange(point.replicas), 2.0 * np.arange(point.replicas) + 1])
    who = Design(run.arm, np.zeros(run.arm.size, np.int64), position)
    found = estimated(Visits(logs, run.arm, run.payload), who, np.full(point.requests, 1 / point.requests))
    return float(found.lower(0.01)[0]), float(found.upper(0.01)[0])


_PARTS = Point("parts", new=0.03, gone=0.02)
_EQUAL = Point("170 equal operations", alike=170)
_TAU = Point("added 0.25 %", new=TAU)


def _everything(point: Point, name: str) -> Point:
    return replace(
        point, name=name, common=0.017, own=0.02, execution=0.05, operation=0.1, hit=0.05, tenth=0.05, drift=0.1,
        memory=0.8,
    )  # fmt: skip


POINTS = (
    _PARTS,
    replace(_PARTS, name="parts, 2 rounds", rounds=2),
    replace(_PARTS, name="parts, 10 rounds", rounds=10),
    replace(_PARTS, name="parts, 60 requests, 1 execution in 20 + 4 ms", requests=60, hit=0.05),
    replace(_PARTS, name="parts, processes 1.7 % apart", common=0.017),
    replace(_PARTS, name="parts, 1 execution in 20 + 4 ms", hit=0.05),
    replace(_PARTS, name="parts, 2 of 16 requests slow in the candidate", heavy=_HEAVY),
    replace(_PARTS, name="parts, 10 rounds, 2 of 16 requests slow in the candidate", rounds=10, heavy=_HEAVY),
    replace(_PARTS, name="parts, correlation 0.8", memory=0.8),
    _everything(_PARTS, "parts, all of these"),
    _EQUAL,
    replace(_EQUAL, name="170 equal operations, 2 rounds", rounds=2),
    _everything(_EQUAL, "170 equal operations, all of these"),
    _TAU,
    replace(_TAU, name="added 0.25 %, processes 1.7 % apart", common=0.017),
    replace(_TAU, name="added 0.25 %, 1 execution in 20 + 4 ms", hit=0.05),
    _everything(_TAU, "added 0.25 %, all of these"),
    replace(_TAU, name="5.25 % for 5 %", new=0.05 + TAU, gone=0.05),
    replace(_TAU, name="added 0.25 %, 170 operations", alike=170),
    _everything(replace(_TAU, new=2 * TAU), "added 0.5 %, all of these"),
)


def percent(hits: Sequence[bool]) -> str:
    """Write a rate with its exact 95 % interval."""
    found = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95)
    return f"{100 * np.mean(hits):.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def cells(point: Point, runs: int) -> Iterator[str]:
    """Return one row."""
    seed = zlib.crc32(point.name.encode())
    said = [judge(point, np.random.default_rng((seed, run))) for run in range(runs)]
    yield from (point.name, f"{runs:,}")
    yield from (percent([each.misses[part] for each in said]) for part in ("added", "removed", "same", "rest", "sum"))
    yield percent([each.named for each in said])
    yield percent([each.found for each in said]) if point.new else ""
    for hits in ([each.fails for each in said], [each.passes for each in said]):
        yield percent(hits) if point.new or point.gone else ""


@click.command()
@click.option("--runs", default=1000, show_default=True, help="Seeded runs of each point.")
@click.option("--only", default="", help="Only points whose name contains this.")
def main(runs: int, only: str) -> None:
    """Print a Markdown table, one row for each point; each has its own seeds."""
    head = ["point", "runs", *(f"{part} misses, %" for part in ("added", "removed", "same", "rest", "sum"))]
    head += ["an equal operation differs, %", "the new one is named, %", "gate fails, %", "gate passes, %"]
    for line in (head, ["---"] * len(head)):
        click.echo("| " + " | ".join(line) + " |")
    for point in (each for each in POINTS if only in each.name):
        click.echo("| " + " | ".join(cells(point, runs)) + " |")


if __name__ == "__main__":
    main()
