"""A recorded run judged like a run: once at the end, or at planned looks until it is decided."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from perfgate.gate.decide import decide
from perfgate.gate.judge import cases_of
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.tolerance import gated_metrics
from perfgate.gate.verdict import MetricVerdict
from perfgate.metrics import Source
from perfgate.scenario.schema import Gate
from perfgate.stats.table import SOURCES, Columns, TrialTable

_OF_REQUESTS = ("service_ms", "response_ms", "status")


def in_one_look(table: TrialTable, gate: Gate) -> dict[str, MetricVerdict]:
    """Judge the gated metrics at the end."""
    cases = tuple(cases_of(gated_metrics(gate), table, gate, (), cross_check=False))
    return {each.metric: each for each in decide(cases, gate.alpha)}


def in_looks(table: TrialTable, gate: Gate, source: Source, looks: int) -> tuple[dict[str, MetricVerdict], float]:
    """Look after each n-th of one source's blocks until all is decided; returns the verdicts and the measured share."""
    looking = InterimAnalysis(gate, {}, (source,))
    for number in range(1, looks + 1):
        verdicts = looking.look(source, number / looks, 0.0, beginning(table, source, number / looks))
        if looking.settled(source, verdicts):
            break
    return {each.metric: each for each in verdicts}, number / looks


def beginning(table: TrialTable, source: Source, fraction: float) -> TrialTable:
    """Keep one source's trials up to a fraction of its blocks."""
    columns = table.columns
    mine = columns.source == SOURCES.index(source)
    blocks = round(fraction * (1 + int(columns.block[mine].max())))
    rows = mine & (columns.block < blocks)
    asked = np.repeat(rows, columns.requests)
    kept = {f.name: getattr(columns, f.name)[asked if f.name in _OF_REQUESTS else rows] for f in fields(Columns)}
    return replace(table, columns=Columns(**kept))
