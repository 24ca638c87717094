"""Variance components of one metric from runs of a model against itself: pure functions over trial tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan, sqrt

import numpy as np
from scipy import special

from perfgate.metrics import Metric, Scale, Source
from perfgate.stats.contrast import start_blocks
from perfgate.stats.replicate import Replicates, replicates
from perfgate.stats.summary import METHOD
from perfgate.stats.table import ARMS, Floats, Ints, TrialTable
from perfgate.stats.variance_components import Components
from perfgate.stats.within_variance import Within, within

LEVEL = 0.95
"""Confidence level of the intervals."""


@dataclass(frozen=True, slots=True, eq=False)
class OccasionNumbers:
    """One run of a model against itself."""

    table: TrialTable
    seconds: Mapping[Source, float]
    """Wall time of each source's lane."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """One run reduced to one number a replica; both arms are the same model."""

    value: Floats
    """On the metric's scale, as in comparisons of arms."""
    level: float
    """Mean over replicas of their typical values on that scale: the level that differs between occasions."""
    parent: Ints
    position: Floats
    """Start position from 0 to 1; NaN if unknown."""
    within: Within | None = None


def components_of(metric: Metric, occasions: Sequence[OccasionNumbers]) -> Components | None:
    """Estimate one metric's variance components; None without a run that has numbers of two replicas of both arms.

    Runs that have the metric from another source than the first are ignored.
    """
    found = [(each, numbers) for each in occasions if (numbers := replicates(metric, each.table)) is not None]
    found = [(each, numbers) for each, numbers in found if min(np.bincount(numbers.units.arm, minlength=2)) > 1]
    if not found:
        return None
    source = found[0][1].source
    same = [(each, numbers) for each, numbers in found if numbers.source is source]
    runs = [_numbers(metric, each.table, numbers) for each, numbers in same]
    typical = np.concatenate([numbers.typical for _, numbers in same])
    spread = spread_of(runs)
    slope = start_slope(runs, spread)
    occasion = occasion_sd(runs, spread)
    return Components(
        metric=metric.name,
        request_sd=sqrt(spread.request),
        replica_sd=max(sqrt(spread.replica), *(numbers.resolution for _, numbers in same)),
        parent_sd=sqrt(spread.parent),
        occasion_sd=occasion[0],
        trials_per_s=_pace([run.within for run in runs], [each.seconds.get(source, nan) for each, _ in same]),
        start_slope=slope[0],
        occasions=len(runs),
        occasion_sd_lower=occasion[1],
        occasion_sd_upper=occasion[2],
        start_slope_lower=slope[1],
        start_slope_upper=slope[2],
        replicas=int(min(np.bincount(same[0][1].units.arm))),
        source=source.value,
        typical=float(np.median(typical)),
        method=METHOD,
    )


def _pace(noises: Sequence[Within | None], seconds: Sequence[float]) -> float:
    """Return a replica's trials a second, weighted so that predictions of the effect of time are unbiased over runs.

    A busy machine makes trials both rarer and noisier, so runs are weighted by their noise.
    """
    known = [(noise, lane_s) for noise, lane_s in zip(noises, seconds, strict=True) if noise is not None]
    if not known:
        return nan
    paces = np.array([noise.trials / lane_s for noise, lane_s in known])
    variances = np.array([noise.variance for noise, _ in known])
    return float(variances.sum() / (variances / paces).sum() if variances.any() else paces.mean())


@dataclass(frozen=True, slots=True)
class Spread:
    """Variances on the metric's scale; NaN if they could not be estimated."""

    request: float
    """Variance of one trial, as it counts."""
    replica: float
    """Around the level of the block of starts, if the comparison takes such blocks out."""
    parent: float
    total: float
    """Variance of a replica's number around its fork server's level: replica and requests."""
    df: int
    slope: float
    """Slope of the numbers on the start position, from first to last; NaN if unknown."""
    slope_se: float


def spread_of(runs: Sequence[Numbers]) -> Spread:
    """Split the variance of replicas' numbers by the method of moments: least squares, then ANOVA.

    Cells are the fork servers of each run; the slope on the start position is common to all. Estimates below zero are
    zero (Searle, Casella & McCulloch, Variance Components, 1992, chapters 3 and 4).
    """
    value = np.concatenate([run.value for run in runs])
    cell, run_of = _cells(runs)
    position = np.concatenate([run.position for run in runs])
    inside = np.asarray(cell[:, None] == np.arange(cell.max() + 1), np.float64)
    knows = bool(np.isfinite(position).all())
    x = np.column_stack([inside, position]) if knows else inside
    knows = knows and np.linalg.matrix_rank(x) == x.shape[1] < value.size
    x = x if knows else inside
    fitted = np.linalg.lstsq(x, value)[0]
    df = value.size - x.shape[1]
    total = float(np.sum((value - x @ fitted) ** 2)) / df if df > 0 else nan
    slope, slope_se = (float(fitted[-1]), sqrt(total * np.linalg.inv(x.T @ x)[-1, -1])) if knows else (nan, nan)
    noises = [run.within for run in runs if run.within is not None]
    request = float(np.mean([noise.variance for noise in noises])) if noises else nan
    explained = float(np.mean([noise.of_number for noise in noises])) if noises else 0.0
    steady = value - slope * position if knows else value
    return Spread(
        request=request,
        replica=_not_negative(_beside_neighbours(runs, steady, total) - explained),
        parent=_between_cells(steady, cell, run_of, total),
        total=total,
        df=df,
        slope=slope,
        slope_se=slope_se,
    )


def _beside_neighbours(runs: Sequence[Numbers], value: Floats, otherwise: float) -> float:
    """Variance of replicas' numbers within the blocks of their start order; `otherwise` if these are not taken out.

    Computed without the numbers' slope on the start position, which costs a degree of freedom.
    """
    numbers = [start_blocks(run.parent, run.position) for run in runs]
    cells = [number for number in numbers if number is not None]
    if len(cells) < len(runs):
        return otherwise
    last = np.cumsum([0, *(cell.max() + 1 for cell in cells)])
    cell = np.concatenate([cell + before for cell, before in zip(cells, last, strict=False)])
    sizes = np.bincount(cell)
    residual = value - (np.bincount(cell, weights=value) / sizes)[cell]
    return float(np.sum(residual**2)) / (value.size - sizes.size - 1)


def start_slope(runs: Sequence[Numbers], spread: Spread) -> tuple[float, float, float]:
    """Return the change from first to last start position over these runs, and its t-interval; NaN if unknown."""
    if not isfinite(spread.slope) or spread.df < 1 or not runs:
        return nan, nan, nan
    half = -float(special.stdtrit(spread.df, (1 - LEVEL) / 2)) * spread.slope_se
    return spread.slope, spread.slope - half, spread.slope + half


def occasion_sd(runs: Sequence[Numbers], spread: Spread) -> tuple[float, float, float]:
    """Return the sd of the runs' levels, without the part of replicas and fork servers, and its 95% interval.

    NaN with one run. The interval is the chi-square one of the levels' variance, with the same part subtracted from
    both its ends.
    """
    levels = np.array([run.level for run in runs])
    free = levels.size - 1
    if free < 1 or not isfinite(spread.total):
        return nan, nan, nan
    sizes = [run.value.size for run in runs]
    parents = [np.unique(run.parent).size for run in runs]
    between_parents = spread.parent if isfinite(spread.parent) else 0.0
    own = spread.total * float(np.mean(1 / np.array(sizes))) + between_parents * float(np.mean(1 / np.array(parents)))
    squares = float(levels.var(ddof=1)) * free
    tail = (1 - LEVEL) / 2
    ends = (squares / free, squares / special.chdtri(free, tail), squares / (2 * special.gammaincinv(free / 2, tail)))
    estimate, lower, upper = (sqrt(_not_negative(float(end) - own)) for end in ends)
    return estimate, lower, upper


def _cells(runs: Sequence[Numbers]) -> tuple[Ints, Ints]:
    """Return for each replica the number of its fork server, counted over all runs, and that of its run."""
    run_of = np.repeat(np.arange(len(runs)), [run.value.size for run in runs])
    parent = np.concatenate([run.parent for run in runs])
    _, cell = np.unique(np.stack([run_of, parent]), axis=1, return_inverse=True)
    return np.asarray(cell, np.int64).ravel(), np.asarray(run_of, np.int64)


def _between_cells(value: Floats, cell: Ints, run_of: Ints, inside: float) -> float:
    """Variance of fork servers within their runs, by ANOVA for unequal cells; NaN if each run has only one."""
    sizes = np.bincount(cell)
    run = run_of[np.unique(cell, return_index=True)[1]]
    whole = np.bincount(run, weights=sizes)
    means = np.bincount(cell, weights=value) / sizes
    centre = np.bincount(run, weights=means * sizes) / whole
    free = sizes.size - whole.size
    if free < 1 or not isfinite(inside):
        return nan
    between = float(np.sum(sizes * (means - centre[run]) ** 2)) / free
    effective = float(np.sum(whole - np.bincount(run, weights=sizes**2) / whole)) / free
    return _not_negative((between - inside) / effective)


def _not_negative(variance: float) -> float:
    return max(variance, 0.0) if isfinite(variance) else nan


def _numbers(metric: Metric, table: TrialTable, found: Replicates) -> Numbers:
    last = max((fact.start_position for fact in table.replicas), default=0) or 1
    place = {(ARMS.index(f.arm), f.replica): (f.parent, f.start_position / last) for f in table.replicas}
    keys = zip(found.units.arm.tolist(), found.units.replica.tolist(), strict=True)
    places = [place.get(key, (-1, nan)) for key in keys]
    return Numbers(
        value=found.compared,
        level=float((np.log(found.typical) if metric.scale is Scale.RATIO else found.typical).mean()),
        parent=np.array([parent for parent, _ in places], np.int64),
        position=np.array([position for _, position in places], np.float64),
        within=within(metric, found, table),
    )
