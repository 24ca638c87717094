"""Selection of a name's records for a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import NoBaselineError, UsageError
from perfgate.metrics import BY_NAME
from perfgate.nearest import suggestion
from perfgate.results.history import History, group_of, group_records, series_of


@dataclass(frozen=True, slots=True)
class Choice:
    """The selection; None means the newest record's."""

    scenario: str | None = None
    """Scenario name, or the beginning of a digest."""
    fingerprint: str | None = None
    """Fingerprint, or the beginning of one."""
    metrics: tuple[str, ...] = ()
    """Metrics; None: all."""
    last: int | None = None
    """Number of newest records; None: all."""


def choose_history(store: Store, name: str, choice: Choice) -> History:
    """Read the records of a name, and make a history of those that are comparable.

    NoBaselineError if there are none, UsageError for an unknown metric or if no record can be read.
    """
    ids = store.ids(name)
    records = store.newest(name, len(ids)) if ids else (store.current(name),)  # current() raises NoBaselineError
    if not records:
        store.get(name, ids[-1])  # raises the error of the unreadable record
    groups = group_records(records)
    chosen = next((group for group in groups if _is_wanted(group[-1], choice)), None)
    if chosen is None:
        known = ", ".join(f"{group[-1].scenario_name} on {group[-1].fingerprint}" for group in groups)
        raise NoBaselineError(f"no record of {name} has that scenario and environment", f"available: {known}")
    shown = chosen[-choice.last :] if choice.last else chosen
    _ensure_known(choice.metrics, shown)
    others = tuple(group_of(group) for group in groups if group is not chosen)
    series = tuple(series_of(shown, choice.metrics))
    return History(name, store.url, group_of(shown), series, others, unreadable=len(ids) - len(records))


def _is_wanted(record: Record, choice: Choice) -> bool:
    scenario, fingerprint = choice.scenario, choice.fingerprint
    named = scenario is None or record.scenario_name == scenario or _begins(record.scenario_digest, scenario)
    return named and (fingerprint is None or _begins(record.fingerprint, fingerprint))


def _begins(digest: str, part: str) -> bool:
    return bool(part) and digest.removeprefix("sha256:").startswith(part.removeprefix("sha256:"))


def _ensure_known(metrics: Sequence[str], records: Sequence[Record]) -> None:
    recorded = {name for record in records for name in record.metrics}
    for metric in metrics:
        if metric not in recorded:
            problem = "no record has a value for" if metric in BY_NAME else "unknown metric"
            raise UsageError(f"{problem} {metric}", suggestion(metric, recorded))
