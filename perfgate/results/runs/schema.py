"""The columns of the tables of runs and metrics, from the fields of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa

from perfgate.results.runs.row import MetricRow, RunRow

_TYPES = {
    str: pa.string(),
    float: pa.float64(),
    int: pa.int64(),
    bool: pa.bool_(),
    datetime: pa.timestamp("us", tz="UTC"),
    tuple: pa.list_(pa.string()),
}


def _schema_of(row: type) -> pa.Schema:
    hints = get_type_hints(row)
    return pa.schema([(each.name, _type_of(hints[each.name])) for each in fields(row)])


def _type_of(hint: Any) -> pa.DataType:  # noqa: ANN401 - a type hint is any object
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return _TYPES[get_origin(hint) if get_origin(hint) is tuple else kinds[0] if kinds else hint]


VERSION = b"1"
"""Counts changes to how a result is read, after which an older index is made again, and exported again."""

RUNS = _schema_of(RunRow)
"""The table of runs."""

_METRICS = _schema_of(MetricRow)
OF_THE_RUN = (
    "run_id",
    "created_utc",
    "model",
    "scenario",
    "model_given",
    "model_digest",
    "baseline_name",
    "fingerprint",
)
"""Columns of the run that each of its metrics repeats, so that most questions need no join."""
METRICS = pa.schema([*(RUNS.field(name) for name in OF_THE_RUN), pa.field("run_verdict", pa.string()), *_METRICS])
"""The table of metrics."""

INDEX = pa.schema(
    [
        ("file_size", pa.int64()),
        ("file_stamp", pa.string()),
        ("problem", pa.string()),
        *RUNS,
        ("metrics", pa.list_(pa.struct(list(_METRICS)))),
    ]
)
"""The index: the table of runs with the metrics of each, and what tells whether a file has changed.

`problem` says why a file is no result; its other columns are null, except `directory`.
"""
KEYS = ("directory", "file_size", "file_stamp")


PARTITIONS = ("model", "scenario", "day")
"""Columns of exported tables that are in the names of directories, not in the files."""


def exported(schema: pa.Schema) -> pa.Schema:
    """Return the columns of an exported file."""
    return pa.schema([each for each in schema if each.name not in PARTITIONS])


def column_of(rows: Sequence[object], name: str, kind: pa.DataType) -> pa.Array:
    """Return one field of all rows as a column."""
    return pa.array([getattr(row, name) for row in rows], kind)


def metrics_of(per_run: Sequence[Sequence[MetricRow]]) -> pa.Array:
    """Return the metrics of each run as a column of lists."""
    offsets, rows = [0], list[MetricRow]()
    for metrics in per_run:
        rows += metrics
        offsets.append(len(rows))
    columns = [column_of(rows, each.name, each.type) for each in _METRICS]
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(columns, fields=list(_METRICS))
    )


def metrics_table(index: pa.Table) -> pa.Table:
    """Return one row for each run and metric."""
    from pyarrow import compute  # noqa: PLC0415 - slow to import, and most readers of a schema need none

    metrics = index["metrics"].combine_chunks()
    runs = index.select([*OF_THE_RUN, "verdict"]).take(compute.list_parent_indices(metrics))
    flat = compute.list_flatten(metrics)
    columns = [compute.struct_field(flat, [place]) for place in range(len(_METRICS))]
    return pa.Table.from_arrays([*runs.columns, *columns], schema=METRICS)
