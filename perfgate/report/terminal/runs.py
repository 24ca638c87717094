"""Runs on a terminal: a row for each, and a sentence for what could not be read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import nan
from typing import Any

import pyarrow as pa
from pyarrow import compute, csv
from rich.cells import cell_len
from rich.console import Console

from perfgate.formatting import MISSING, duration, seen, short_digest
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text
from perfgate.results.runs.export import Exported

_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "invalid": "magenta"}
_NAMED = 3
_COLUMNS = ("run", "created (UTC)", "verdict", "model", "digest", "baseline", "scenario", "moved most", ">duration")
_DISPENSABLE = ("digest", "baseline", ">duration", "created (UTC)", "scenario", "model")
"""Columns that narrow terminals leave out, in this order."""
_GAP = 2

SHOWN = (
    "run_id", "created_utc", "model_given", "model_digest", "baseline_name", "baseline_given", "scenario", "verdict",
    "moved_metric", "moved_change", "moved_lower", "moved_upper", "wall_s", "directory",
)  # fmt: skip
"""Columns of the table of runs that a row shows."""


def print_runs(console: Console, runs: Iterable[Mapping[str, Any]]) -> None:
    """Print a row for each run; narrow terminals leave columns out."""
    rows = [_cells(run) for run in runs]
    names = _fitting(console, rows)
    table = plain_table(*names, gap=_GAP, wraps=("run", "moved most"))
    for cells in rows:
        words = {name: safe_text(console, cells[name]) for name in names}
        words["verdict"].stylize(_STYLES.get(cells["verdict"], ""))
        add_row(table, *words.values())
    print_table(console, table)


def _fitting(console: Console, rows: Sequence[Mapping[str, str]]) -> list[str]:
    widths = {name: max(cell_len(each) for each in (name, *(cells[name] for cells in rows))) for name in _COLUMNS}
    for name in _DISPENSABLE:
        if sum(widths.values()) + _GAP * (len(widths) - 1) <= console.width:
            break
        del widths[name]
    return list(widths)


def _cells(run: Mapping[str, Any]) -> dict[str, str]:
    created: datetime = run["created_utc"]
    return {
        "run": run["directory"],
        "created (UTC)": f"{created:%Y-%m-%d %H:%M:%S}",
        "verdict": run["verdict"],
        "model": run["model_given"] or MISSING,
        "digest": short_digest(run["model_digest"] or MISSING),
        "baseline": run["baseline_name"] or run["baseline_given"] or MISSING,
        "scenario": run["scenario"] or MISSING,
        "moved most": _moved(run),
        ">duration": duration(_or_nan(run["wall_s"])),
    }


def _moved(run: Mapping[str, Any]) -> str:
    metric = run["moved_metric"]
    if metric is None:
        return MISSING
    change, lower, upper = (_or_nan(run[f"moved_{part}"]) for part in ("change", "lower", "upper"))
    return f"{metric} {seen(change, lower, upper, metric)}"


def _or_nan(value: float | None) -> float:
    return nan if value is None else value


def unreadable_line(files: Sequence[tuple[str, str]]) -> str:
    """Return a line that counts files that are no results, and names the first; empty without any."""
    if not files:
        return ""
    named = "; ".join(f"{name} ({why})" for name, why in files[:_NAMED])
    more = f"; and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    kind = "1 result.json was" if len(files) == 1 else f"{len(files):,} files result.json were"
    return f"left out: {kind} not readable: {named}{more}"


def final_line(place: str, total: int, fitting: int, shown: int) -> str:
    """Return the last line: how many runs there are, fit and are shown."""
    if not total:
        return f"RUNS none in {place} yet: `perfgate run` and `perfgate compare` write to reports/"
    counted = f"RUNS {place}: {_runs(total)}"
    fit = f", {fitting or 'none'} of them as asked" if fitting < total else ""
    return counted + fit + (f", the newest {shown:,} shown (--limit 0 shows all)" if shown < fitting else "")


def export_line(place: str, target: str, done: Exported) -> str:
    """Return the last line of an export."""
    if not done.runs:
        return f"EXPORT nothing: there are no runs in {place}"
    copies = f" (copies left out: {done.copies:,})" if done.copies else ""
    parts = f"{done.written:,} of {done.partitions:,} partitions written, the others had not changed"
    return f"EXPORT {target}: {_runs(done.runs)}{copies}, {parts}"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def rows(runs: pa.Table, shown: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return a dictionary for each run, with its directory as a user would write it."""
    at = runs.column_names.index(
        "created_utc"
    )  # with a time zone, each value's conversion would import another library
    naive = runs.set_column(at, "created_utc", runs["created_utc"].cast(pa.timestamp("us")))
    return [
        {**row, "directory": shown(row["directory"]), "created_utc": row["created_utc"].replace(tzinfo=UTC)}
        for row in naive.to_pylist()
    ]


def as_json(runs: pa.Table, shown: Callable[[str], str]) -> str:
    """Write an array with an object for each run; times in ISO 8601."""
    plain = ({**row, "created_utc": row["created_utc"].isoformat()} for row in rows(runs, shown))
    return "[\n" + ",\n".join(map(json.dumps, plain)) + "\n]" if len(runs) else "[]"


def as_csv(runs: pa.Table, shown: Callable[[str], str]) -> bytes:
    """Write a header and one line for each run; unknown values are empty, codes are separated by semicolons."""
    directories = pa.array(map(shown, runs["directory"].to_pylist()), pa.string())
    plain = runs.set_column(runs.column_names.index("directory"), "directory", directories)
    codes = compute.binary_join(plain["caution_codes"], ";")
    out = io.BytesIO()
    csv.write_csv(plain.set_column(plain.column_names.index("caution_codes"), "caution_codes", codes), out)
    return out.getvalue()
