"""Check of a store: readable records, unchanged models, valid pointers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfgate.baseline import artifacts
from perfgate.baseline.fingerprint import then_and_now
from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import PerfgateError

Check = Callable[[Record], str]
"""Returns what is wrong with a record's model; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """One record, with the findings about it."""

    name: str
    id: str
    problem: str
    """Empty if all is well."""
    model: str = ""
    """`copy`, `elsewhere` or `numbers only`; empty if the record cannot be read."""
    environment: str = ""
    """Stable facts that differ on this machine; empty if none does."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a check."""

    records: tuple[CheckedRecord, ...]
    pointers: tuple[str, ...] = ()
    """Dangling pointers."""
    notes: tuple[str, ...] = ()
    """Other findings, not mistakes, that may be deleted or inspected."""

    @property
    def broken(self) -> tuple[str, ...]:
        """All mistakes, one line each."""
        return (*(f"{each.name}/{each.id}: {each.problem}" for each in self.records if each.problem), *self.pointers)


def verify(
    store: Store,
    name: str | None,
    environment: Mapping[str, Any],
    digest_of: Callable[[Path], str],
    scratch: Path,
) -> Verification:
    """Check the records of a name, or the whole store; models of a remote store are copied to `scratch`.

    NoBaselineError if the name has no record.
    """
    names = store.names() if name is None else (name,)
    if name is not None and not store.ids(name):
        store.full_id(name, "")  # raises NoBaselineError, with the command that records one
    check = _model_check(store, digest_of, scratch)
    records, needed = [], set()
    for each in names:
        for record_id in store.ids(each):
            record = _read(store, each, record_id)
            if isinstance(record, Record):
                needed.add(record.model.artifact)
                where = then_and_now(record.environment, environment)
                records.append(CheckedRecord(each, record_id, check(record), _kept(record), where))
            else:
                records.append(CheckedRecord(each, record_id, record))
    pointers = tuple(problem for each in names if (problem := _pointer(store, each)))
    whole = name is None and all(each.model for each in records)
    return Verification(tuple(records), pointers, (*_stale(store, names), *(_unused(store, needed) if whole else ())))


def _read(store: Store, name: str, record_id: str) -> Record | str:
    try:
        return store.get(name, record_id)
    except PerfgateError as error:
        return f"{error.problem}; {error.remedy}"


def _kept(record: Record) -> str:
    if record.model.artifact is None:
        return "numbers only"
    return "copy" if artifacts.is_inside(record.model.artifact) else "elsewhere"


def _model_check(store: Store, digest_of: Callable[[Path], str], scratch: Path) -> Check:
    """Return a check that examines each model once, however many records refer to it."""
    seen: dict[tuple[str | None, str], str] = {}

    def check(record: Record) -> str:
        key = record.model.artifact, record.model.digest
        if key not in seen:
            seen[key] = _model_problem(store, record, digest_of, scratch)
        return seen[key]

    return check


def _model_problem(store: Store, record: Record, digest_of: Callable[[Path], str], scratch: Path) -> str:
    if record.model.artifact is None:
        return ""
    try:
        store.fetch_artifact(record, scratch, digest_of)
    except PerfgateError as error:
        return error.problem
    except OSError as error:
        return f"its model cannot be read: {record.model.artifact}: {error.strerror or error}"
    return ""


def _pointer(store: Store, name: str) -> str:
    pointed = store.pointer(name)
    if pointed is None or pointed in store.ids(name):
        return ""
    return (
        f"{name}/current points to no record of {name} ({pointed!r}); the newest record is used, and the next one "
        "fixes it"
    )


def _stale(store: Store, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        pointed, ids = store.pointer(name), store.ids(name)
        if pointed is None:
            yield f"{name} has no pointer `current`; the newest record is used"
        elif pointed in ids[:-1]:
            yield f"{name}/current points to {pointed}, and {ids[-1]} is newer"


def _unused(store: Store, needed: set[str | None]) -> Iterator[str]:
    for model in store.models():
        if model not in needed:
            yield f"{model}: no record refers to this model; `perfgate baseline gc` deletes it"
    if count := len(store.unfinished()):
        files = f"{count} unfinished file{'s' * (count > 1)}"
        yield f"{files} in .tmp; `perfgate baseline gc` deletes what is old"
