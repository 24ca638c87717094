"""Rows of runs as a Markdown table, and what they say about the error rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

Row = dict[str, Any]


def table(rows: Sequence[Row]) -> str:
    """One line a run: verdict, exit code, wall time, and each gated metric's change with its interval."""
    metrics = list(dict.fromkeys(name for row in rows for name in row["effects"]))
    head = ["run", "verdict", "exit", "wall, s", *metrics]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [_cell(row["effects"].get(name)) for name in metrics]
        lines.append([str(row["run"]), row["verdict"].upper(), str(row["exit"]), f"{row['wall_s']:.0f}", *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def summary(rows: Sequence[Row]) -> str:
    """Count the verdicts, with exact 95 % intervals of their rates, and give the spread of each change."""
    counts = Counter(row["verdict"] for row in rows)
    parts = [f"{count} {word.upper()} {_rate(count, len(rows))}" for word, count in counts.most_common()]
    spread = [
        f"{name}: mean {np.mean(changes):+.2%}, standard deviation {np.std(changes, ddof=1):.2%}"
        for name in dict.fromkeys(name for row in rows for name in row["effects"])
        if len(changes := [row["effects"][name][0] for row in rows if name in row["effects"]]) > 1
    ]
    return "\n".join((f"\n{len(rows)} runs: {', '.join(parts)}.", *spread))


def _cell(effect: Sequence[Any] | None) -> str:
    if effect is None:
        return ""
    change, lower, upper, verdict = effect
    return f"{change:+.1%} [{lower:+.1%}, {upper:+.1%}] {verdict}"


def _rate(count: int, runs: int) -> str:
    interval = stats.binomtest(count, runs).proportion_ci(0.95, method="exact")
    return f"({count / runs:.0%}; 95 % interval {interval.low:.0%} to {interval.high:.0%})"
