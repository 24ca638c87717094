"""`python -m benchmarks.power --rows FILE`: equal models under each plan in turn, one line per run, none dropped."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.operating_curve.neighbour import busy
from benchmarks.power.estimators import spreads
from benchmarks.power.variants import VARIANTS, Variant
from perfgate.results import document

SCRATCH = Path(".cache/power")
_TITLES = {
    "time without waiting": "run delay subtracted (the usual plan)",
    "no fork servers, no start order taken out": "fork servers and start order not removed",
}
"""Names in the table of some estimators; the rows of earlier runs keep the others."""


@click.command()
@click.argument("old", default=".cache/models/curve/base")
@click.argument("new", default=".cache/models/curve/again")
@click.option("--rows", type=click.Path(path_type=Path), required=True, help="JSON lines; appended to.")
@click.option("--rounds", default=2, show_default=True, help="Runs of each plan, in a new random order each round.")
@click.option("--seconds", default=15.0, show_default=True, help="Measuring time of a run.")
@click.option("--plan", "plans", multiple=True, help="Only plans whose name contains this.")
@click.option("--busy", "share", default=0.5, show_default=True, help="Share of one core that a neighbour takes.")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    old: str, new: str, rows: Path, rounds: int, seconds: float, plans: tuple[str, ...], share: float
) -> None:
    """Compare OLD with NEW, which are equal, under each plan, and print each plan's value; 0 rounds only print."""
    chosen = [each for each in VARIANTS if not plans or any(plan in each.name for plan in plans)]
    with busy(share):
        for number in range(rounds):
            for variant in random.Random(number).sample(chosen, len(chosen)):  # noqa: S311 - only an order
                row = _run(variant, old, new, seconds) | {"round": number, "busy": share}
                with rows.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                click.echo(f"{variant.name}: {row['spreads']}", err=True)
    click.echo(table([json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]))


def _run(variant: Variant, old: str, new: str, seconds: float) -> dict[str, Any]:
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    scenario, out = SCRATCH / "power.toml", SCRATCH / "run"
    scenario.write_text(variant.scenario(seconds), encoding="utf-8")
    command = [sys.executable, "-m", "perfgate", "compare", old, new, "-s", str(scenario), "-q", "--out", str(out)]
    began_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    row = {"variant": variant.name, "exit": done.returncode, "wall_s": round(time.perf_counter() - began_s, 1)}
    result = document.read(out)
    if result.status != "complete":
        return row | {"said": done.stderr[-300:], "measured_s": 0.0, "spreads": {}}
    return row | {"measured_s": round(sum(result.blocks.wall_s), 1), "spreads": spreads(out)}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Print both tables: plans, and estimators with the usual plan; medians over runs with their range."""
    plans = [_head("plan", "runs", "wall time, s", "standard error, %", "at 60 s of wall time, %")]
    for variant in VARIANTS:
        if found := [row for row in rows if row["variant"] == variant.name and row["spreads"]]:
            se = [row["spreads"]["time without waiting"] for row in found]
            # The rest of 60 s after start-up, and the error scaled by the root of the measured time.
            minute = [
                value * (row["measured_s"] / (60 - row["wall_s"] + row["measured_s"])) ** 0.5
                for value, row in zip(se, found, strict=True)
            ]
            wall = [row["wall_s"] for row in found]
            plans.append(
                f"| {variant.title} | {len(found)} | {np.median(wall):.0f} | {_range(se)} | {_range(minute)} |"
            )
    usual = [row["spreads"] for row in rows if row["variant"] == VARIANTS[0].name and row["spreads"]]
    ways = [_head("on the usual plan", "runs", "standard error, %", "variance / that of the usual one")]
    for name in usual[0] if usual else ():
        ratio = [(each[name] / each["time without waiting"]) ** 2 for each in usual]
        ways.append(
            f"| {_TITLES.get(name, name)} | {len(usual)} | {_range([each[name] for each in usual])} | {_range(ratio)} |"
        )
    return "\n".join((*plans, "", *ways))


def _head(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n" + "| --- " * len(cells) + "|"


def _range(values: Sequence[float]) -> str:
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
