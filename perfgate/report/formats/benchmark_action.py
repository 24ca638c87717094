"""The JSON array of github-action-benchmark: `customSmallerIsBetter` and `customBiggerIsBetter`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from perfgate import formatting
from perfgate.metrics import BY_NAME, Direction
from perfgate.report.formats.cases import scenario_name
from perfgate.report.rows import word_of
from perfgate.results.result import Result
from perfgate.sanitize import one_line
from perfgate.stats.summary import ArmSummary
from perfgate.trials import Arm


def benchmark_action(results: Sequence[Result], direction: Direction) -> str:
    """Write the candidate's typical values, one entry for each metric with that direction.

    Keys as in the action's README: name, unit, value, range, extra. `range` is one standard deviation between servers.
    """
    entries = [entry for result in results for entry in _entries(result, direction)]
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def _entries(result: Result, direction: Direction) -> Iterator[dict[str, Any]]:
    changes = {each.metric: each for each in result.judgement.metrics} if result.judgement else {}
    for each in result.summaries:
        known = BY_NAME.get(each.metric)
        if each.arm != Arm.CANDIDATE or each.value is None or known is None or known.direction is not direction:
            continue
        entry: dict[str, Any] = {
            "name": one_line(f"{scenario_name(result)} {each.metric}"), "unit": known.unit, "value": each.value,
        }  # fmt: skip
        if (spread := _spread(each)) is not None:
            entry["range"] = f"± {formatting.number(spread)}"
        if (metric := changes.get(each.metric)) is not None:
            entry["extra"] = one_line(f"{word_of(metric)}: {metric.reason}")
        yield entry


def _spread(summary: ArmSummary) -> float | None:
    return statistics.stdev(summary.replicas) if len(summary.replicas) > 1 else None
