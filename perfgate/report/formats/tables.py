"""Trials and samples as CSV or Parquet, for analyses of your own."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from perfgate.results.result import Result
from perfgate.results.samples import FILE_NAME, read_samples


def trials_table(result: Result) -> pa.Table:
    """Return one row a trial, in the columns of `result.json`; a column that an older result lacks is all null."""
    columns = {each.name: getattr(result.trials, each.name) for each in fields(result.trials)}
    count = len(result.trials.block)
    return pa.table({name: pa.array(column) if column else pa.nulls(count) for name, column in columns.items()})


def samples_table(run: Path) -> pa.Table:
    """Return one row a request, as in `samples.arrow`; UsageError if the run has none."""
    return read_samples(run / FILE_NAME)


def as_csv(table: pa.Table) -> bytes:
    """Write a header and one line a row; unknown values are empty."""
    words = [pa.types.is_dictionary(column.type) for column in table.columns]  # which CSV does not have
    plain = [c.cast(pa.string()) if is_word else c for c, is_word in zip(table.columns, words, strict=True)]
    out = io.BytesIO()
    csv.write_csv(pa.table(plain, names=table.column_names), out)
    return out.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    """Write one Parquet file."""
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()
