"""Results of one run of equal models, by the measured quantity and by the way of averaging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from math import inf
from pathlib import Path
from unittest import mock

import numpy as np

from perfgate.metrics import BY_NAME, Source
from perfgate.results.loader import read_run
from perfgate.results.result import Result
from perfgate.stats import payloads
from perfgate.stats.estimate import estimate
from perfgate.stats.per_trial import rows_of
from perfgate.stats.table import Columns, TrialTable
from perfgate.trials import Depth


def spreads(directory: Path) -> dict[str, float]:
    """Return the standard error of the effect, in percent, by the name of the processing."""
    result, table = read_run(directory)
    return {name: 100 * se for name, se in _each(result, table)}


def _each(result: Result, table: TrialTable) -> Iterator[tuple[str, float]]:
    executes = bool(rows_of(table.columns, Source.EXECUTE).any())
    metric = BY_NAME["execute_ms" if executes else "service_mean_ms"]
    yield "time without waiting", _se(metric.name, table)
    if not executes:
        return
    columns = table.columns
    wall = replace(table, columns=replace(columns, service_ms=columns.response_ms))
    yield "wall time", _se(metric.name, wall)
    yield "CPU time", _se("cpu_ms_per_request", table)
    for name, far_sd in (("mean over blocks", inf), ("median over blocks", 0.0)):
        with mock.patch.object(payloads, "FAR_SD", far_sd):
            # Columns of their own, for what was computed from the others is remembered.
            yield name, _se(metric.name, replace(table, columns=replace(columns)))
            yield f"wall time, {name}", _se(metric.name, replace(wall, columns=replace(wall.columns)))
    yield "calmer half of the blocks (CPU pressure)", _se(metric.name, _calm(result, table))
    yield "wall time, calmer half of the blocks", _se(metric.name, _calm(result, wall))
    unadjusted = replace(table, replicas=())
    yield "no fork servers, no start order taken out", _se(metric.name, unadjusted)


def _se(metric: str, table: TrialTable) -> float:
    effect = estimate(BY_NAME[metric], table, 0.01, cross_check=False)
    return float("nan") if effect is None else effect.log_se


def _calm(result: Result, table: TrialTable) -> TrialTable:
    """Keep the half of the blocks in which tasks waited least for a CPU."""
    blocks = result.blocks
    pressure = np.array([
        np.nan if depth != Depth.EXECUTE or share is None else share
        for depth, share in zip(blocks.depth, blocks.cpu_pressure_share, strict=True)
    ])  # fmt: skip
    calm = np.array(blocks.block)[pressure <= np.nanmedian(pressure)]
    columns = table.columns
    keep = rows_of(columns, Source.EXECUTE) & np.isin(columns.block, calm)
    each = np.repeat(keep, columns.requests)
    parts = (getattr(columns, field.name) for field in fields(Columns))
    return replace(table, columns=Columns(*(part[each if part.size == each.size else keep] for part in parts)))
