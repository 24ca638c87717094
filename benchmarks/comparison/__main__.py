"""`python -m benchmarks.comparison`: the cost of comparing two results of a million requests per side."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.comparison.sides import Side, write_run

_STEPS = {"imports": "imports", "read": "reading", "judge": "judging", "summarise": "summarising"}
"""Steps of a comparison, with their names in the table."""


@click.command()
@click.option("--requests", type=click.IntRange(30_000), default=1_000_000, show_default=True, help="Per side.")
@click.option("--replicas", type=click.IntRange(2), default=12, show_default=True, help="Per side.")
@click.option("--repeats", type=click.IntRange(1), default=7, show_default=True)
@click.option("--apart", is_flag=True, help="Two runs, each with its own baseline; their candidates are compared.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per repeat on standard output.")
def main(
    requests: int,
    replicas: int,
    repeats: int,
    apart: bool,  # noqa: FBT001 - click's way of passing options
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write synthetic runs, then read, judge and summarise them in fresh processes."""
    with tempfile.TemporaryDirectory() as scratch:
        runs = [Path(scratch, name) for name in (("old", "new") if apart else ("run",))]
        for seed, run in enumerate(runs, 1):
            write_run(run, Side(requests, replicas, seed))
        found = [_fresh(runs) for _ in range(repeats)]
        size_mb = sum(file.stat().st_size for run in runs for file in run.iterdir()) / (1 << 20)
    if as_json:
        print(*(json.dumps(each) for each in found), sep="\n")
        return
    first = found[0]
    print(f"{' + '.join(f'{count:,}' for count in first['requests'])} requests under load, {size_mb:,.0f} MiB on disk")
    print(f"{first['metrics']} metrics, {first['objectives']} objectives, {first['summaries']} summaries")
    print(f"{first['verdict'].upper()} {first['headline']}\n")
    print(table(found))


def _fresh(runs: Sequence[Path]) -> dict[str, Any]:
    began_s = time.perf_counter()
    program = [sys.executable, "-m", "benchmarks.comparison.judging", *map(str, runs)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    wall_s = time.perf_counter() - began_s
    return {"wall_s": wall_s, **json.loads(done.stdout)}


def table(found: Sequence[dict[str, Any]]) -> str:
    """Return the median and range of each figure over the repeats, as a Markdown table."""
    rows = [
        ("wall time from start to end of the process, s", [each["wall_s"] for each in found], 2),
        *((f"{title}, s", [each["steps_s"][step] for each in found], 2) for step, title in _STEPS.items()),
        ("without imports, s", [_without_imports_s(each) for each in found], 2),
        ("CPU time, s", [each["cpu_s"] for each in found], 2),
        ("peak memory, MiB", [each["peak_mb"] for each in found], 0),
        ("after the imports, MiB", [each["imported_mb"] for each in found], 0),
    ]
    lines = ["| figure | median | min | max |", "|---|--:|--:|--:|"]
    for name, values, digits in rows:
        cells = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _without_imports_s(each: dict[str, Any]) -> float:
    return float(sum(each["steps_s"][step] for step in _STEPS if step != "imports"))


if __name__ == "__main__":
    main()
