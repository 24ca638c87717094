"""The numbers by which the gate compares arms, kept with each arm's description, as stored baselines need them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perfgate.metrics import BY_NAME, Metric
from perfgate.stats.replicate import Replicates, replicates
from perfgate.stats.summary import METHOD, ArmSummary, Typical
from perfgate.stats.table import ARMS, TrialTable


def typical_of(metric: Metric, arm: str, table: TrialTable) -> Typical | None:
    """Return one number for each replica of an arm; None if the run has none, and for a share or a constant."""
    found = replicates(metric, table)
    return None if found is None else _of_arm(found, arm)


def with_typical(summaries: Iterable[ArmSummary], table: TrialTable) -> tuple[ArmSummary, ...]:
    """Add the numbers that the gate compares to summaries."""
    each = tuple(summaries)
    found = {name: replicates(BY_NAME[name], table) for name in dict.fromkeys(summary.metric for summary in each)}
    return tuple(
        summary
        if (numbers := found[summary.metric]) is None
        else replace(summary, typical=_of_arm(numbers, summary.arm))
        for summary in each
    )


def _of_arm(found: Replicates, arm: str) -> Typical | None:
    values = found.typical[found.units.arm == ARMS.index(arm)]
    if not values.size:
        return None
    source = f"{found.source.value}: {found.objectives}" if found.objectives else found.source.value
    return Typical(tuple(values.tolist()), source, found.state.value, METHOD)
