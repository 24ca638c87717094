"""A run's directory read back: its result, and its samples as the table for estimators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa

from perfgate.errors import UsageError
from perfgate.metrics import Source
from perfgate.results import document
from perfgate.results.result import Result, TrialColumns
from perfgate.results.samples import FILE_NAME, sample_batches
from perfgate.stats.table import ARMS, SOURCES, STATES, Columns, Floats, Ints, TrialTable
from perfgate.trials import Arm, Depth, Lane, ReplicaFacts

_WORDS: dict[str, tuple[StrEnum, ...]] = {"lane": tuple(Lane), "depth": tuple(Depth), "state": STATES, "arm": ARMS}
_PLAIN = ("wall_s", "cpu_ms", "rss_mb", "rss_peak_mb", "pss_mb")
_STAGES = ("queue_ms", "encode_ms", "batch_size")
_PLACE = ("block", "replica", "start_s")
_NEEDED = (*_WORDS, *_PLACE, "unrecorded", "payload", *_PLAIN, *_STAGES, "service_ms", "response_ms", "status")
_NO_STATUS = -1
_ROWS = 1 << 14
"""Least rows a batch; batches of single requests are merged, because numpy's calls cost more than their work."""


def read_run(run: Path) -> tuple[Result, TrialTable]:
    """Read a run from its directory; two million requests take a third of a second and some 100 MB.

    Context switches and page faults come from `result.json`, and are NaN if the run was not completed. UsageError if
    there is no run, or files of two runs.
    """
    result = document.read(run)
    sizes_mb = {Arm(arm): facts.size_mb for arm, facts in result.models.items() if facts.size_mb > 0}
    table = table_of(
        (run if run.is_dir() else run.parent) / FILE_NAME, result.replicas, sizes_mb, result.payload_shares
    )
    return result, replace(table, columns=_with_counters(table.columns, result.trials, run))


def table_of(
    samples: Path | pa.Table,
    replicas: Sequence[ReplicaFacts] = (),
    sizes_mb: Mapping[Arm, float] | None = None,
    shares: Sequence[float] = (),
) -> TrialTable:
    """Make the table of all trials from samples, batch by batch; what samples do not hold is NaN."""
    batches = (samples,) if isinstance(samples, pa.Table) else _grouped(sample_batches(samples, _NEEDED))
    parts = [_columns(batch) for batch in batches if batch.num_rows]
    return TrialTable(Columns.joined([Columns.of(()), *parts]), tuple(replicas), dict(sizes_mb or {}), tuple(shares))


def _grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting, rows = [], 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _ROWS:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _columns(table: pa.Table) -> Columns:
    arrays = {name: _whole(table[name]) for name in _NEEDED}
    rows = {name: _view(arrays[name]) for name in _NEEDED if name not in _WORDS}
    first = _begins([*(_view(arrays[name].indices) for name in _WORDS), *(rows[name] for name in _PLACE)])
    asked = rows["status"] != _NO_STATUS
    lane, depth, state, arm = (_codes(arrays[name], known, first) for name, known in _WORDS.items())
    return Columns(
        source=_sources(lane, depth),
        state=state,
        block=rows["block"][first].astype(np.int64),
        arm=arm,
        replica=rows["replica"][first].astype(np.int64),
        **{name: rows[name][first] for name in _PLAIN},
        **{name: _means(rows[name], first) for name in _STAGES},
        context_switches=np.full(first.size, np.nan),
        page_faults=np.full(first.size, np.nan),
        unrecorded=rows["unrecorded"][first].astype(np.int64),
        payload=rows["payload"][first].astype(np.int64),
        # A trial without requests is a single row that has no status.
        requests=np.add.reduceat(asked, first, dtype=np.int64),
        service_ms=rows["service_ms"][asked],
        response_ms=rows["response_ms"][asked],
        status=rows["status"][asked],
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # which copies even a single chunk


def _view(array: pa.Array) -> np.ndarray:
    """Return a view of values without nulls; Arrow's own conversion loads pandas, which takes longer than the rest."""
    validity, data = array.buffers()
    here = slice(array.offset, array.offset + len(array))
    values = np.frombuffer(data, array.type.to_pandas_dtype())[here]
    if not array.null_count:
        return values
    valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")[here]
    return np.where(valid, values, values.dtype.type(np.nan if values.dtype.kind == "f" else _NO_STATUS))


def _begins(keys: Iterable[np.ndarray]) -> Ints:
    """Return the first row of each trial: wherever one of its keys changes."""
    changes = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.concatenate([[0], 1 + np.flatnonzero(changes)])


def _codes(column: pa.DictionaryArray, known: Sequence[StrEnum], first: Ints) -> Ints:
    words = column.dictionary.to_pylist()
    if unknown := set(words) - set(known):
        raise UsageError(
            f"unknown values in these samples: {', '.join(sorted(unknown))}", "read them with a newer perfgate"
        )
    codes = np.array([known.index(word) for word in words], np.int64)
    return np.asarray(codes[_view(column.indices)[first]], np.int64)


def _sources(lane: Ints, depth: Ints) -> Ints:
    through = np.where(lane == list(Lane).index(Lane.LOAD), SOURCES.index(Source.LOAD), SOURCES.index(Source.REQUEST))
    inside = {Depth.EXECUTE: Source.EXECUTE, Depth.OPS: Source.OPS}
    for each, source in inside.items():
        through = np.where(depth == list(Depth).index(each), SOURCES.index(source), through)
    return np.asarray(through, np.int64)


def _means(values: Floats, first: Ints) -> Floats:
    """Mean of each trial's known values; NaN if none is known."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full(first.size, np.nan)
    sums = np.add.reduceat(np.where(known, values, 0), first, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.add.reduceat(known, first, dtype=np.int64), np.float64)


def _with_counters(columns: Columns, trials: TrialColumns, run: Path) -> Columns:
    count = columns.block.size
    for name in ("block", "replica", "requests"):
        if trials.block and not np.array_equal(getattr(trials, name)[:count], getattr(columns, name)):
            problem = f"{run}: {FILE_NAME} and {document.FILE_NAME} are from different runs"
            raise UsageError(problem, "restore the matching file, or measure again")
    return replace(
        columns,
        context_switches=_counted(trials.context_switches, count),
        page_faults=_counted(trials.page_faults, count),
    )


def _counted(column: Sequence[float | None], count: int) -> Floats:
    known = column[:count] if column else (None,) * count  # absent from older results
    return np.array(known, np.float64)
