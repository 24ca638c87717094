"""All runs as Parquet files in partitions: `runs/model=…/scenario=…/day=…/runs.parquet`, and `metrics/…` likewise."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from perfgate.errors import UsageError
from perfgate.results.runs.interface import Place
from perfgate.results.runs.schema import METRICS, RUNS, VERSION, exported, metrics_table

TABLES = {"runs": exported(RUNS), "metrics": exported(METRICS)}
COLUMNS = ("file_size", "file_stamp", *RUNS.names, "metrics")
"""Columns of the index that an export needs."""
_KEY = ("run_id", "created_utc")
_DIGEST = b"perfgate_runs"
_NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""How Hive, and all that read its layout, write a value that is null or empty."""
_LONGEST = 200
"""Bytes of a value in a directory's name, of the 255 that file systems allow."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    runs: int
    copies: int
    """Runs that were found in several directories, and count once."""
    partitions: int
    written: int
    """Partitions that were new or had changed."""


def export(
    runs: pa.Table, target: Place, shown: Callable[[str], str], progress: Callable[[int, int], None]
) -> Exported:
    """Add runs to the files in `target`, replacing those that are there already: a run's key is its id and time.

    `shown` makes a directory of the index one that a user would write. UsageError if a file in `target` cannot be read
    or written. Runs that are in `target` only stay there.
    """
    partitions = list(_partitions(runs))
    total = copies = written = 0
    for name, rows in partitions:
        single = _single(rows)
        copies += len(rows) - len(single)
        total += len(single)
        written += _update(target, name, _with_directories(single, shown))
        progress(total + copies, len(runs))
    return Exported(total, copies, len(partitions), written)


def partition_of(model: str | None, scenario: str | None, day: str) -> str:
    """Return the directories of a partition; values are percent-encoded, as in Spark."""
    return f"model={_value(model)}/scenario={_value(scenario)}/day={day}"


def _value(text: str | None) -> str:
    if not text:
        return _NOTHING
    encoded = quote(text, safe=" ")
    if len(encoded) <= _LONGEST:
        return encoded
    beginning = re.sub(r"%[0-9A-F]?$", "", encoded[:_LONGEST])
    return f"{beginning}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _partitions(runs: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    order = [(name, "ascending") for name in ("model", "scenario", "created_utc", "run_id", "directory")]
    ordered = runs.sort_by(order).combine_chunks()
    days = ordered["created_utc"].cast(pa.date32()).to_pylist()
    keys = list(zip(ordered["model"].to_pylist(), ordered["scenario"].to_pylist(), days, strict=True))
    for (model, scenario, day), places in groupby(range(len(keys)), keys.__getitem__):
        first, *more = places
        yield partition_of(model, scenario, day.isoformat()), ordered.slice(first, 1 + len(more))


def _single(rows: pa.Table) -> pa.Table:
    """Leave out copies of a run."""
    seen: set[Any] = set()
    is_first = [not (key in seen or seen.add(key)) for key in _keys(rows)]  # type: ignore[func-returns-value]
    return rows if all(is_first) else rows.filter(pa.array(is_first))


def _keys(rows: pa.Table) -> list[tuple[str, int]]:
    return list(zip(rows["run_id"].to_pylist(), rows["created_utc"].cast(pa.int64()).to_pylist(), strict=True))


def _with_directories(rows: pa.Table, shown: Callable[[str], str]) -> pa.Table:
    directories = pa.array([shown(each) for each in rows["directory"].to_pylist()], pa.string())
    return rows.set_column(rows.column_names.index("directory"), "directory", directories)


def _update(target: Place, partition: str, rows: pa.Table) -> bool:
    """Bring the files of a partition up to date; returns whether they had to be written."""
    state = repr((VERSION, rows.select(["directory", "file_size", "file_stamp"]).to_pylist()))
    digest = hashlib.sha256(state.encode()).hexdigest().encode()
    there = {name: _read(target, f"{name}/{partition}/{name}.parquet") for name in TABLES}
    if all(file and (file.metadata.metadata or {}).get(_DIGEST) == digest for file in there.values()):
        return False
    new, keys = {"runs": rows, "metrics": metrics_table(rows)}, set(_keys(rows))
    for name, schema in TABLES.items():
        table, file = new[name].select(schema.names), there[name]
        merged = table if file is None else _with_others(file.read(), table, keys)
        _write(target, f"{name}/{partition}/{name}.parquet", merged.replace_schema_metadata({_DIGEST: digest}))
    return True


def _read(target: Place, name: str) -> pq.ParquetFile | None:
    try:
        return None if (data := target.read(name)) is None else pq.ParquetFile(pa.BufferReader(data))
    except pa.ArrowException as error:
        problem = f"{target.shown(name)} is not a table of runs: {error}"
        raise UsageError(problem, "remove it, or choose another directory with --parquet") from error
    except OSError as error:
        raise UsageError(
            f"cannot read {target.shown(name)}: {error.strerror or error}", "choose another directory with --parquet"
        ) from error


def _write(target: Place, name: str, table: pa.Table) -> None:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    try:
        target.write(name, out.getvalue())
    except OSError as error:
        problem = f"cannot write {target.shown(name)}: {error.strerror or error}"
        raise UsageError(problem, "choose another directory with --parquet") from error


def _with_others(there: pa.Table, rows: pa.Table, keys: set[tuple[str, int]]) -> pa.Table:
    """Return the rows with those of other runs; a column that an older perfgate did not have is null there."""
    if unknown := sorted(set(there.column_names) - set(rows.column_names)):
        raise UsageError(f"there are unknown columns: {', '.join(unknown)}", "export with the newer perfgate")
    others = there.filter(pa.array([key not in keys for key in _keys(there)], pa.bool_()))
    together = pa.concat_tables(
        [rows.replace_schema_metadata(), others.replace_schema_metadata()], promote_options="default"
    )
    order = pa.array(range(len(together)))  # stable: metrics stay in the order of each run
    return (
        together.append_column("order", order)
        .sort_by([(each, "ascending") for each in (*_KEY, "order")])
        .drop(["order"])
    )
