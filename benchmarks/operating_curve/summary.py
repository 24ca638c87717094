"""`python -m benchmarks.operating_curve.summary FILE...`: what the runs show about perfgate, and about other rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median, stdev

import click
import numpy as np

from benchmarks.operating_curve.measure import Line
from benchmarks.operating_curve.row import Outcome, Row
from benchmarks.operating_curve.rows import POOLS, ROWS
from benchmarks.operating_curve.rules import TITLES
from benchmarks.operating_curve.table import Rate, covers, outcomes, read_rows, standing
from perfgate.metrics import BY_NAME, Scale

_IN_TIME = (Outcome.FOUND, Outcome.PASS_IN_TIME)
_VERDICTS = ("fail", "pass", "inconclusive", "invalid", "none")
Runs = Sequence[Line]
Group = tuple[str, Row, Runs]
"""A title, a row with its expectations, and the runs."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Print the summary of all runs in FILES as Markdown."""
    click.echo(summary(tuple(line for file in files for line in read_rows(file))))


def summary(lines: Runs) -> str:
    """Three tables: verdicts, effects, other rules."""
    groups = tuple(_groups(lines))
    parts = (
        ("Verdicts, with exact 95 % intervals", _verdicts(groups)),
        ("Measured change", _effects(groups)),
        (
            "Other rules on the same requests: false alarms without a change, misses with a slower candidate",
            _others(groups),
        ),
    )
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts)


def _groups(lines: Runs) -> Iterator[Group]:
    """Return each row's runs, then those of rows that are counted together."""
    for row in ROWS:
        runs = _of((row,), lines)
        if runs:
            yield row.title, row, runs
    for pool in POOLS:
        runs = _of(pool.rows, lines)
        if runs:
            yield f"**{pool.title}**", pool.row, runs


def _of(rows: Sequence[Row], lines: Runs) -> Runs:
    names = {row.name for row in rows}
    return [line for line in lines if line["row"] in names]


def _verdicts(groups: Sequence[Group]) -> str:
    head = ("row", "runs", *_VERDICTS, "required", "observed", "result", "wall time, s: median, p90, max")
    return _markdown(head, [line for group in groups for line in _verdict_lines(*group)])


def _verdict_lines(title: str, row: Row, runs: Runs) -> Iterator[tuple[str, ...]]:
    counts = [str(Rate(sum(line["verdict"] == word for line in runs), len(runs))) for word in _VERDICTS]
    counts = [text if not text.startswith("0 ") else "0" for text in counts]
    walls = [line["wall_s"] for line in runs]
    for number, wanted in enumerate(row.wanted):
        rate = Rate(sum(wanted.outcome in outcomes(line, row) for line in runs), len(runs))
        within = f" within {row.within_s:g} s" if row.within_s and wanted.outcome in _IN_TIME else ""
        asked = (f"{wanted}{within}", str(rate), standing(rate, wanted))
        if number:
            yield ("", "", *("" for _ in counts), *asked, "")
        else:
            yield (
                title,
                str(len(runs)),
                *counts,
                *asked,
                f"{median(walls):.0f}, {np.quantile(walls, 0.9):.0f}, {max(walls):.0f}",
            )


def _effects(groups: Sequence[Group]) -> str:
    head = ("row", "metric", "true change", "mean", "standard deviation", "95 % intervals that cover the true change")
    return _markdown(head, [_effect_line(*group) for group in groups])


def _effect_line(title: str, row: Row, runs: Runs) -> tuple[str, ...]:
    found = [line["effects"][row.metric] for line in runs if row.metric in line["effects"]]
    if not found:
        return title, row.metric, "", "", "", ""
    changes, show = [each["change"] for each in found], _shown(row)
    spread = show(stdev(changes)).lstrip("+") if len(changes) > 1 else ""
    truth = "" if row.truth is None else f"{row.truth:+.1%}"
    return title, row.metric, truth, show(mean(changes)), spread, _coverage(row, found)


def _shown(row: Row) -> Callable[[float], str]:
    """Format a change: in percent, or in its unit if the metric is compared by difference."""
    metric = BY_NAME[row.metric]
    return (lambda x: f"{x:+.2%}") if metric.scale is Scale.RATIO else (lambda x: f"{x:+.2f} {metric.unit}")


def _coverage(row: Row, found: Sequence[Line]) -> str:
    if row.truth is None:
        return ""
    return str(Rate(sum(covers(each, row.truth) for each in found), len(found)))


def _others(groups: Sequence[Group]) -> str:
    head = ("row", "counted as wrong", "perfgate", *TITLES.values())
    return _markdown(head, [_rule_line(*group) for group in groups if group[1].kind != "other"])


def _rule_line(title: str, row: Row, runs: Runs) -> tuple[str, ...]:
    """Count wrong verdicts: an alarm without a change, or no alarm with a slower candidate."""
    judged = [line for line in runs if line.get("rules")]
    wrong = row.kind == "equal"
    ours = Rate(sum((line["verdict"] == "fail") is wrong for line in runs), len(runs))
    theirs = [Rate(sum(line["rules"][name] is wrong for line in judged), len(judged)) for name in TITLES]
    return title, "alarm" if wrong else "no alarm", str(ours), *map(str, theirs)


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))


if __name__ == "__main__":
    main()
