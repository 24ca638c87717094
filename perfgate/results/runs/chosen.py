"""Which runs a user asks for, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pyarrow import compute

NEEDED = ("run_id", "created_utc", "model_given", "model_digest", "scenario", "scenario_digest", "verdict")
"""Columns by which runs are chosen."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to show; what is not set, or empty, is not restricted."""

    model: str = ""
    """Part of the model as given, or the beginning of its digest, with or without `sha256:`."""
    scenario: str = ""
    """Name of the scenario, or the beginning of its digest."""
    verdicts: tuple[str, ...] = ()
    since: datetime | None = None
    """Begun at this time or later."""
    until: datetime | None = None
    """Begun before this time."""


def choose(runs: pa.Table, choice: Choice) -> pa.Table:
    """Return the runs that fit, the newest first."""
    fitting = runs
    if choice.model:
        named = compute.match_substring(runs["model_given"], choice.model)
        fitting = runs.filter(_either(named, _begins(runs["model_digest"], choice.model)))
    if choice.scenario:
        named = compute.equal(fitting["scenario"], choice.scenario)
        fitting = fitting.filter(_either(named, _begins(fitting["scenario_digest"], choice.scenario)))
    if choice.verdicts:
        fitting = fitting.filter(compute.is_in(fitting["verdict"], pa.array(choice.verdicts)))
    if choice.since is not None:
        fitting = fitting.filter(compute.greater_equal(fitting["created_utc"], _instant(choice.since)))
    if choice.until is not None:
        fitting = fitting.filter(compute.less(fitting["created_utc"], _instant(choice.until)))
    return fitting.sort_by([("created_utc", "descending"), ("run_id", "ascending")])


def _begins(digests: pa.ChunkedArray, beginning: str) -> pa.ChunkedArray:
    whole = compute.starts_with(digests, beginning)
    return compute.or_kleene(whole, compute.match_substring(digests, f":{beginning}"))


def _either(named: pa.ChunkedArray, digested: pa.ChunkedArray) -> pa.ChunkedArray:
    return compute.fill_null(compute.or_kleene(named, digested), fill_value=False)


def _instant(time: datetime) -> pa.Scalar:
    return pa.scalar(time, pa.timestamp("us", tz="UTC"))
