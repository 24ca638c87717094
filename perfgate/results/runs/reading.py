"""Results read and made into rows of the index, by several processes if there are many."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.process import BaseProcess

import pyarrow as pa

from perfgate.results.runs.interface import Found, Place
from perfgate.results.runs.local import LocalPlace
from perfgate.results.runs.parsing import NotAResultError, parse
from perfgate.results.runs.row import MetricRow, RunRow
from perfgate.results.runs.schema import INDEX, RUNS, column_of, metrics_of

Progress = Callable[[int, int], None]
"""Is told how many of how many runs have been read."""

_AT_ONCE = 200
"""Runs a step: some 50 ms of work, and as many requests at once to an object store."""
WORTH_PROCESSES = 2000
"""From this many runs on, processes save more than the quarter of a second that they take to start."""


def read_runs(place: Place, found: Sequence[Found], processes: int, progress: Progress) -> Iterator[pa.Table]:
    """Read runs and yield their rows of the index, some at a time, in any order."""
    steps = [found[begin : begin + _AT_ONCE] for begin in range(0, len(found), _AT_ONCE)]
    several = processes > 1 and len(found) >= WORTH_PROCESSES and isinstance(place, LocalPlace)
    tables = _in_processes(place, steps, processes) if several else (read_step(place, step) for step in steps)
    done = 0
    for table in tables:
        done += table.num_rows
        yield table
        progress(done, len(found))


def read_step(place: Place, step: Sequence[Found]) -> pa.Table:
    """Read some runs; a file that is no result has a row that says why."""
    results = [
        _parsed(data, each.directory)
        for data, each in zip(place.read_all([each.directory for each in step]), step, strict=True)
    ]
    runs = [None if isinstance(result, str) else result[0] for result in results]
    columns = {each.name: _column(runs, each) for each in RUNS}
    columns["directory"] = pa.array([each.directory for each in step], pa.string())
    columns["file_size"] = pa.array([each.size for each in step], pa.int64())
    columns["file_stamp"] = pa.array([each.stamp for each in step], pa.string())
    columns["problem"] = pa.array([result if isinstance(result, str) else None for result in results], pa.string())
    columns["metrics"] = metrics_of([() if isinstance(result, str) else result[1] for result in results])
    return pa.table([columns[name] for name in INDEX.names], schema=INDEX)


def _parsed(data: bytes | OSError, directory: str) -> tuple[RunRow, tuple[MetricRow, ...]] | str:
    if isinstance(data, OSError):
        return data.strerror or str(data) or type(data).__name__
    try:
        return parse(data, directory)
    except NotAResultError as error:
        return str(error)


def _column(runs: Sequence[RunRow | None], field: pa.Field) -> pa.Array:
    if None not in runs:
        return column_of(runs, field.name, field.type)
    return pa.array([getattr(run, field.name) if run else None for run in runs], field.type)


def _in_processes(place: Place, steps: Sequence[Sequence[Found]], processes: int) -> Iterator[pa.Table]:
    spawned = multiprocessing.get_context("spawn")  # a fork would copy the threads of pyarrow in any state
    pool = ProcessPoolExecutor(processes, mp_context=spawned, initializer=_begin_worker)
    try:
        for done in as_completed([pool.submit(read_step, place, step) for step in steps]):
            yield done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """End with the command, however it ends; it alone handles ^C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
