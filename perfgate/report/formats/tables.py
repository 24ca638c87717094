"""Trials and samples as CSV or Parquet, for those who have questions of their own."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from perfgate.results.result import Result
from perfgate.results.samples import FILE_NAME, read_samples


def trials_table(result: Result) -> pa.Table:
    """Return a row a trial, in the columns of `result.json`; one that an older result has not is all null."""
    columns = {each.name: getattr(result.trials, each.name) for each in fields(result.trials)}
    count = len(result.trials.block)
    return pa.table({name: pa.array(column) if column else pa.nulls(count) for name, column in columns.items()})


def samples_table(run: Path) -> pa.Table:
    """Return a row a request, as `samples.arrow` has them; UsageError where the run has none."""
    return read_samples(run / FILE_NAME)


def as_csv(table: pa.Table) -> bytes:
    """Write a header and a line a row; what is unknown is empty."""
    words = [pa.types.is_dictionary(column.type) for column in table.columns]  # which CSV knows nothing of
    plain = [c.cast(pa.string()) if is_word else c for c, is_word in zip(table.columns, words, strict=True)]
    out = io.BytesIO()
    csv.write_csv(pa.table(plain, names=table.column_names), out)
    return out.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    """Write one Parquet file."""
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()
