"""The format of a trace: the measurements of one run as logarithms in steps of 0.05 %, with the run's design.

A file is a compressed `.npz`: `about`, a JSON text; and for each lane and depth of the run, named `SOURCE/ARRAY`,
arrays of blocks x replicas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from perfgate.errors import UsageError
from perfgate.metrics import Source
from perfgate.stats.per_trial import failures, rows_of
from perfgate.stats.table import ARMS, SOURCES, STATES, Columns, Floats, Ints, TrialTable
from perfgate.trials import Arm, ReplicaFacts, State

_STEPS = 2048
"""Steps in a factor of e."""
_UNKNOWN = np.iinfo(np.int16).min
_STATES = {Source.EXECUTE: State.COLD, Source.REQUEST: State.WARM, Source.LOAD: State.UNDER_LOAD}
_EACH_REQUEST = ("service_ms", "response_ms", "status")


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One run of equal models."""

    name: str
    about: Mapping[str, Any]
    """Scenario, machine and date of the run, and its number of requests."""
    table: TrialTable
    """Response times only, also used as service times; CPU and wall time are those of the kept requests."""


def write(trace: Trace, directory: Path, requests: int) -> Path:
    """Write a trace with that many requests of each replica and lane, at least one a trial; UsageError if unsuitable.

    The omitted requests are evenly spaced, so that the tail keeps its weight.
    """
    columns = trace.table.columns
    if failures(columns).any():
        raise UsageError(f"{trace.name}: requests failed in this run", "record it again: replays have no failures")
    arrays = {
        f"{source.value}/{name}": array
        for source in SOURCES
        if rows_of(columns, source).any()
        for name, array in _packed(columns, source, requests).items()
    }
    replicas = [asdict(fact) | {"pid": None} for fact in trace.table.replicas]
    about = {**trace.about, "replicas": replicas, "sizes_mb": dict(trace.table.sizes_mb)}
    path = directory / f"{trace.name}.npz"
    directory.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
    return path


def read(path: Path) -> Trace:
    """Read a trace."""
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
        parts = [_unpacked(file, source) for source in SOURCES if f"{source.value}/replica" in file]
    facts = tuple(ReplicaFacts(**{**fact, "arm": Arm(fact["arm"])}) for fact in about.pop("replicas"))
    sizes_mb = {Arm(arm): size for arm, size in about.pop("sizes_mb").items()}
    arm_of = np.zeros(1 + max(fact.replica for fact in facts), np.int64)
    for fact in facts:
        arm_of[fact.replica] = ARMS.index(fact.arm)
    joined = Columns.joined(parts)
    columns = replace(joined, arm=arm_of[joined.replica])
    return Trace(path.stem, about, TrialTable(columns, facts, sizes_mb))


def _packed(columns: Columns, source: Source, requests: int) -> dict[str, np.ndarray]:
    rows = np.flatnonzero(rows_of(columns, source))
    rows = rows[np.lexsort((columns.replica[rows], columns.block[rows]))]
    replicas, blocks = np.unique(columns.replica[rows]), np.unique(columns.block[rows])
    shape = (blocks.size, replicas.size)
    if rows.size != blocks.size * replicas.size or (columns.replica[rows].reshape(shape) != replicas).any():
        raise UsageError(f"a block of {source} lacks a replica", "record the run again, without an interruption")
    each = max(1, requests // blocks.size)
    ends = np.cumsum(columns.requests)
    kept = [_evenly(int(ends[row] - columns.requests[row]), int(ends[row]), each) for row in rows]
    asked = columns.requests[rows]
    arrays = {
        "replica": replicas.astype(np.int16),
        "kept": np.array([chosen.size for chosen in kept], np.int16).reshape(shape),
        "response_ms": _steps(columns.response_ms[np.concatenate(kept)]),
        "cpu_ms": _steps(columns.cpu_ms[rows] / asked).reshape(shape),
    }
    if source is Source.LOAD:
        arrays["wall_ms"] = _steps(1e3 * columns.wall_s[rows] / asked).reshape(shape)
        arrays["rss_peak_mb"] = _steps(columns.rss_peak_mb[rows]).reshape(shape)
    return arrays


def _evenly(begin: int, end: int, count: int) -> Ints:
    if begin == end:
        raise UsageError("a trial has no requests", "record the run again, with longer turns")
    return np.unique(np.linspace(begin, end - 1, min(count, end - begin)).round().astype(np.int64))


def _unpacked(file: Mapping[str, np.ndarray], source: Source) -> Columns:
    arrays = {name: file[f"{source.value}/{name}"] for name in ("replica", "kept", "response_ms", "cpu_ms")}
    blocks, replicas = arrays["kept"].shape
    kept = arrays["kept"].ravel().astype(np.int64)
    times_ms = _values(arrays["response_ms"])
    unknown = np.full(kept.size, np.nan)
    loaded = source is Source.LOAD
    plain = {f.name: unknown for f in fields(Columns) if f.type == "Floats" and f.name not in _EACH_REQUEST}
    sums_ms = np.add.reduceat(times_ms, np.cumsum(kept) - kept)
    plain["cpu_ms"] = _values(arrays["cpu_ms"]).ravel() * kept
    plain["wall_s"] = _values(file[f"{source.value}/wall_ms"]).ravel() * kept / 1e3 if loaded else sums_ms / 1e3
    plain["rss_peak_mb"] = _values(file[f"{source.value}/rss_peak_mb"]).ravel() if loaded else unknown
    return Columns(
        source=np.full(kept.size, SOURCES.index(source)),
        state=np.full(kept.size, STATES.index(_STATES[source])),
        block=np.repeat(np.arange(blocks), replicas),
        arm=np.zeros(kept.size, np.int64),
        replica=np.tile(arrays["replica"].astype(np.int64), blocks),
        **plain,
        requests=kept,
        unrecorded=np.zeros(kept.size, np.int64),
        payload=np.full(kept.size, -1),  # not part of traces
        service_ms=times_ms,
        response_ms=times_ms,
        status=np.zeros(times_ms.size, np.int8),
    )


def _steps(values: Floats) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.rint(_STEPS * np.log(values))
    return np.where(np.isfinite(steps), steps, _UNKNOWN).astype(np.int16)


def _values(steps: np.ndarray) -> Floats:
    return np.where(steps == _UNKNOWN, np.nan, np.exp(steps / _STEPS))
