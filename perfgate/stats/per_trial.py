"""One number a trial, and one row a block: the input of the estimators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate.metrics import Source
from perfgate.stats.memoize import remembered
from perfgate.stats.table import SOURCES, Columns, Floats, Ints

Mask = NDArray[np.bool_]
_LEAST, _MOST = 1e-12, 1e12


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The replicas of a source, sorted by arm, then number."""

    arm: Ints
    replica: Ints


def rows_of(columns: Columns, source: Source) -> Mask:
    """Return which trials belong to a source."""
    return np.asarray(columns.source == SOURCES.index(source), np.bool_)


@remembered
def failures(columns: Columns) -> Ints:
    """Count the failed requests of each trial."""
    owner = np.searchsorted(np.cumsum(columns.requests), np.flatnonzero(columns.failed), side="right")
    return np.bincount(owner, minlength=columns.requests.size)


def quantile_of(statistic: str) -> tuple[str, float] | None:
    """Split `response_q0.9` into (`response`, 0.9); None if the statistic is not a quantile."""
    kind, mark, share = statistic.partition("_q")
    return (kind, float(share)) if mark and kind in {"service", "response"} else None


def request_values(columns: Columns, kind: str) -> Floats:
    """Return the time of each request in ms, of kind `service` or `response`; NaN (no answer) becomes infinity."""
    values = columns.service_ms if kind == "service" else columns.response_ms
    return np.where(np.isnan(values), np.inf, values)


@remembered
def trial_values(columns: Columns, statistic: str) -> Floats:
    """Return one number a trial, in the metric's unit; NaN if it has none."""
    if quantile := quantile_of(statistic):
        return plausible(_quantiles(columns, *quantile))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return plausible(_PLAIN[statistic](columns))


def plausible(values: Floats) -> Floats:
    """Replace values that no clock or counter returns by NaN, so that logs and exponentials stay finite; 0 is kept."""
    return np.where((values == 0) | ((values >= _LEAST) & (values <= _MOST)), values, np.nan)


@remembered
def ordered_times(columns: Columns, kind: str) -> Floats:
    """Return the time of each request in ms, ascending within each trial."""
    values = request_values(columns, kind)
    ends = np.cumsum(columns.requests)
    for end, count in zip(ends.tolist(), columns.requests.tolist(), strict=True):
        if count > 1:
            values[end - count : end].sort()
    return values


def _service_mean(columns: Columns) -> Floats:
    asked = columns.requests > 0
    sums = np.zeros(asked.size)
    if asked.any():
        sums[asked] = np.add.reduceat(columns.service_ms, (np.cumsum(columns.requests) - columns.requests)[asked])
    return np.asarray(sums / columns.requests, np.float64)


_PLAIN: dict[str, Callable[[Columns], Floats]] = {
    "service_mean": _service_mean,
    "cpu_ms_per_request": lambda c: np.asarray(c.cpu_ms / c.requests, np.float64),
    "throughput_rps": lambda c: np.asarray((c.requests - failures(c)) / c.wall_s, np.float64),
    "cpu_cores": lambda c: np.asarray(c.cpu_ms / 1000 / c.wall_s, np.float64),
    "rss_mb": lambda c: c.rss_mb,
    "rss_peak_mb": lambda c: c.rss_peak_mb,
    "pss_mb": lambda c: c.pss_mb,
    "queue_ms": lambda c: c.queue_ms,
    "encode_ms": lambda c: c.encode_ms,
    "batch_size": lambda c: c.batch_size,
    "switches_per_request": lambda c: np.asarray(c.context_switches / c.requests, np.float64),
    "faults_per_request": lambda c: np.asarray(c.page_faults / c.requests, np.float64),
}


def _quantiles(columns: Columns, kind: str, share: float) -> Floats:
    """Quantile of each trial's requests, linear between order statistics like `numpy.quantile`, all trials at once."""
    asked = np.flatnonzero(columns.requests)
    counts = columns.requests[asked]
    first, at = np.cumsum(counts) - counts, share * (counts - 1)
    ordered, whole = ordered_times(columns, kind), np.floor(at).astype(np.int64)
    low, high = ordered[first + whole], ordered[first + np.ceil(at).astype(np.int64)]
    result = np.full(columns.requests.size, np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        result[asked] = low + (high - low) * (at - whole)
    return np.where(np.isfinite(result), result, np.nan)


def units_of(columns: Columns, rows: Mask | Ints) -> tuple[Units, Ints]:
    """List the replicas among some trials, and return the replica of each of these trials."""
    pairs = np.stack([columns.arm[rows], columns.replica[rows]])
    span = int(pairs[1].max(initial=0)) + 1
    keys, index = np.unique(pairs[0] * span + pairs[1], return_inverse=True)
    return Units(keys // span, keys % span), index


def block_matrix(columns: Columns, rows: Mask, values: Floats) -> tuple[Units, Floats, Ints]:
    """Arrange log values as blocks x replicas, with the payload of each block (-1: unknown, or several).

    A replica with several trials in one block has their mean log value. A visit without a finite positive value is
    imputed from the others of its arm in that block, shifted by the replica's difference from them; a block in which
    half of an arm has none is dropped, and all are if half of a replica's visits have none.
    """
    units, unit = units_of(columns, rows)
    blocks, block = np.unique(columns.block[rows], return_inverse=True)
    cell, size = block * units.arm.size + unit, blocks.size * units.arm.size
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(values[rows])
        sums, counts = np.bincount(cell, weights=logs, minlength=size), np.bincount(cell, minlength=size)
        matrix = (sums / counts).reshape(blocks.size, units.arm.size)
    kept, filled = _filled(matrix, units.arm)
    payload = _of_blocks(columns.payload[rows], block, blocks.size)
    return units, filled, payload[kept]


def _filled(matrix: Floats, arm: Ints) -> tuple[Mask, Floats]:
    """Return which blocks are kept, and their values without gaps."""
    known = np.isfinite(matrix)
    if known.all():
        return np.ones(matrix.shape[0], np.bool_), matrix
    sides = [arm == each for each in np.unique(arm)]
    kept = np.all([2 * known[:, side].sum(axis=1) > side.sum() for side in sides], axis=0)
    if not kept.any() or (2 * known[kept].sum(axis=0) <= kept.sum()).any():
        return np.zeros(matrix.shape[0], np.bool_), matrix[:0]
    values = np.where(known, matrix, np.nan)[kept]
    for side in sides:
        mine = values[:, side]
        own = np.nanmedian(mine - np.nanmedian(mine, axis=1, keepdims=True), axis=0)
        values[:, side] = np.where(np.isnan(mine), np.nanmean(mine - own, axis=1, keepdims=True) + own, mine)
    return kept, values


def _of_blocks(payload: Ints, block: Ints, blocks: int) -> Ints:
    """Return the single payload of each block; -1 if its trials have several."""
    low, high = np.full(blocks, np.iinfo(np.int64).max), np.full(blocks, -1)
    np.minimum.at(low, block, payload)
    np.maximum.at(high, block, payload)
    return np.where(low == high, high, -1)
