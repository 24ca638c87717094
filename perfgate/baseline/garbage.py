"""What a store contains that nothing refers to: models without records, unfinished files, pointers without records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from perfgate.baseline.artifacts import is_inside
from perfgate.baseline.place import StoreLocation
from perfgate.baseline.pointer import CURRENT
from perfgate.baseline.store import Store, is_name
from perfgate.errors import NoBaselineError, UsageError

OLD_S = 24 * 3600.0
"""Default of the age limit. A model is uploaded before its record is written, so a young one may be about to get its
record; no upload takes a day, and no two clocks are a day apart.
"""


@dataclass(frozen=True, slots=True)
class Garbage:
    """One file or folder of a store that nothing refers to."""

    path: str
    """Relative to the store."""
    why: str
    size_bytes: int
    age_s: float | None
    """Since its last file was written; None if the storage does not say."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Result of a garbage collection."""

    deleted: tuple[Garbage, ...]
    """Or to be deleted, after a dry run."""
    kept: tuple[Garbage, ...]
    """Too young, or of unknown age."""
    unreadable: str = ""
    """The record that could not be read, so that it is unknown which models are needed: then none is deleted."""


def collect(store_url: str, older_than_s: float, now: datetime, *, dry_run: bool) -> Collection:
    """Delete what nothing refers to and is older than a limit; with `dry_run`, only find it.

    Others may add records meanwhile. Whoever adds a record writes its model before (its smallest file, if all are
    there), so it is not old when its age is checked, after the records were read; and completes the model afterwards.
    """
    place, store = StoreLocation(store_url), Store(store_url)
    deleted, kept, unreadable = [], [], ""
    with place.exclusive():
        try:
            models = _models_without_records(store)
        except UsageError as error:
            models, unreadable = (), error.in_a_line
        for path, why in (*models, *_unfinished(store), *_lonely_pointers(place, store)):
            found = _described(place, path, why, now)
            if found.age_s is None or found.age_s < older_than_s:
                kept.append(found)
                continue
            if not dry_run:
                place.remove(path)
            deleted.append(found)
    return Collection(tuple(deleted), tuple(kept), unreadable)


def _models_without_records(store: Store) -> tuple[tuple[str, str], ...]:
    models = [model for model in store.models() if is_inside(model)]
    needed = _needed(store) if models else set()
    return tuple((model, "no record refers to it") for model in models if model not in needed)


def _needed(store: Store) -> set[str | None]:
    """Return the models that records refer to, those included that were added while the others were read."""
    needed: set[str | None] = set()
    read: set[tuple[str, str]] = set()
    while unread := {(name, record_id) for name in store.names() for record_id in store.ids(name)} - read:
        for name, record_id in sorted(unread):
            try:
                needed.add(store.read(name, record_id).model.artifact)
            except NoBaselineError:  # removed in the meantime
                continue
        read |= unread
    return needed


def _unfinished(store: Store) -> Iterator[tuple[str, str]]:
    for path in store.unfinished():
        yield path, "unfinished"


def _lonely_pointers(place: StoreLocation, store: Store) -> Iterator[tuple[str, str]]:
    for name in place.folders():
        if is_name(name) and store.pointer(name) is not None and not store.ids(name):
            yield f"{name}/{CURRENT}", f"{name} has no record"


def _described(place: StoreLocation, path: str, why: str, now: datetime) -> Garbage:
    sizes = place.sizes(path)
    files = [f"{path}/{name}".rstrip("/") for name in sizes] or [path]  # an empty folder has its own time
    written = [place.written_at(file) for file in files]
    times = [each for each in written if each is not None]
    age_s = (now - max(times)).total_seconds() if times and len(times) == len(written) else None
    return Garbage(path, why, sum(sizes.values()), age_s)
