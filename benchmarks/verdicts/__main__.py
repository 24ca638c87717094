"""`python -m benchmarks.verdicts OLD NEW --runs 10 --busy 0.5 --rows FILE`: one row a run, nothing dropped."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.verdicts.neighbour import busy
from benchmarks.verdicts.table import summary, table

_SHOWN = ("execute_ms", "cpu_ms_per_request", "service_mean_ms", "rss_peak_mb")


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--runs", default=10, show_default=True, help="Rows wanted in all; those in the file count.")
@click.option("--busy", "share", default=0.5, show_default=True, help="Share of one core that a neighbour takes.")
@click.option("--scenario", default="ranking", show_default=True)
@click.option("--rows", type=click.Path(path_type=Path), required=True, help="JSON lines; appended to.")
def main(  # noqa: PLR0913, PLR0917 - one parameter an option
    old: str, new: str, runs: int, share: float, scenario: str, rows: Path
) -> None:
    """Compare OLD and NEW again and again, one run after the other, beside a busy neighbour."""
    done = len(rows.read_text().splitlines()) if rows.exists() else 0
    with busy(share):
        for number in range(done, runs):
            row = _run(old, new, scenario) | {"run": number + 1, "busy": share}
            with rows.open("a") as file:
                file.write(json.dumps(row) + "\n")
            click.echo(f"{number + 1}/{runs} {row['verdict']} {row['headline']}", err=True)
    found = tuple(json.loads(line) for line in rows.read_text().splitlines())
    click.echo(table(found))
    click.echo(summary(found))


def _run(old: str, new: str, scenario: str) -> dict[str, Any]:
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "perfgate", "compare", old, new, "-s", scenario, "-q", "--json", "--out", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    row: dict[str, Any] = {"exit": done.returncode, "wall_s": round(time.perf_counter() - began_s, 1)}
    if not done.stdout:
        return row | {"verdict": "none", "headline": done.stderr.strip()[-300:], "effects": {}}
    result = json.loads(done.stdout)
    judgement = result["judgement"]
    effects = {
        each["metric"]: [each["effect"][key] for key in ("change", "lower", "upper")] + [each["verdict"]]
        for each in judgement["metrics"]
        if each["metric"] in _SHOWN
    }
    return row | {
        "verdict": judgement["verdict"],
        "headline": judgement["headline"],
        "effects": effects,
        "seed": result["plan"]["seed"],
        "cautions": [each["code"] for each in result["cautions"]],
    }


if __name__ == "__main__":
    main()
