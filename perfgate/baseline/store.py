"""The baseline store: records by name, appended and never changed, and the models that they describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from perfgate.baseline import artifacts, calibration
from perfgate.baseline.commands import recording, showing
from perfgate.baseline.place import TEMPORARY, StoreLocation
from perfgate.baseline.pointer import CURRENT, settle
from perfgate.baseline.record import Record, from_json, to_json
from perfgate.errors import NoBaselineError, UsageError

PLANS = "plans"
"""Folder of plans, which belongs to perfgate.results.plan_store."""
RESERVED = (artifacts.FOLDER, calibration.FOLDER, PLANS)
"""The store's own folders, which cannot be names."""


class Store:
    """Records and models below one URL.

    `NAME/<utc>-<digest>.json` are the records, `NAME/current` holds the id of the newest, `artifacts/<sha256>/` are the
    models. Every file appears atomically; a record is written after its model, and the pointer after the record.
    `calibrations/` belongs to perfgate.baseline.calibration.
    """

    def __init__(self, url: str) -> None:
        """Open a directory or any fsspec URL, which need not exist yet; UsageError for an unknown scheme."""
        self._place = StoreLocation(url)
        self.url = self._place.url
        self.frees_models = self._place.locks
        """Whether `remove` deletes models without records, too, because nobody can be adding a record meanwhile."""

    def add(self, record: Record, artifact_dir: Path | None) -> Record:
        """Append a record, with a copy of its model if `artifact_dir` is given; returns it as stored."""
        _check_name(record.name)
        with self._place.exclusive():
            if artifact_dir is not None:
                artifact = artifacts.keep(self._place, record.model.digest, artifact_dir)
                record = replace(record, model=replace(record.model, artifact=artifact))
            text = to_json(record)
            self._keep(record, text)
            if artifact_dir is not None:
                self._complete({artifact: (record.model.digest, artifact_dir)})
            self._point(record.name)
        return from_json(text, self._place.shown(_file(record.name, record.id)))

    def restore(self, texts: Iterable[str], models: Mapping[str, tuple[str, Path]], names: Iterable[str]) -> None:
        """Add records as another store has written them, with copies of their models; set the pointers of `names`.

        A model has its digest and its directory, under the name by which the records refer to it.
        """
        records = [(from_json(text, "a record to import"), text) for text in texts]
        with self._place.exclusive():
            for model_digest, directory in models.values():
                artifacts.keep(self._place, model_digest, directory)
            for record, text in records:
                _check_name(record.name)
                self._keep(record, text)
            self._complete(models)
            for name in sorted(names):
                self._point(name)

    def current(self, name: str, scenario_digest: str | None = None, *, scenario_name: str | None = None) -> Record:
        """Return the newest record of a name, or of a name and scenario; `scenario_name` is only for the message.

        NoBaselineError with the command that records one.
        """
        _check_name(name)
        if scenario_digest is None and (pointed := self._pointed(name)):
            return pointed
        others = set()
        for record_id in reversed(self.ids(name)):
            record = self.read(name, record_id)
            if scenario_digest in {None, record.scenario_digest}:
                return record
            others.add(record.scenario_name)
        raise self._none_for(name, scenario_name, others)

    def get(self, name: str, record_id: str) -> Record:
        """Return one record by its id, or by a part that identifies it within the name."""
        return self.read(name, self.full_id(name, record_id))

    def read(self, name: str, record_id: str) -> Record:
        """Return one record by its complete id; NoBaselineError if there is none, UsageError if it is not a record."""
        file = _file(name, record_id)
        if (text := self._place.read(file)) is None:
            raise NoBaselineError(f"{self._place.shown(file)} is missing", f"see `{showing(name, self.url)}`")
        record = from_json(text, self._place.shown(file))
        if (record.name, record.id) != (name, record_id):
            raise UsageError(
                f"{self._place.shown(file)}: contains record {record.name}/{record.id}",
                "restore the original file name",
            )
        return record

    def list(self) -> tuple[Record, ...]:
        """Return all records, by name and then time."""
        return tuple(self.read(name, record_id) for name in self.names() for record_id in self.ids(name))

    def newest(self, name: str, most: int) -> tuple[Record, ...]:
        """Return a number of a name's newest records, the newest first, without unreadable ones."""
        found: list[Record] = []
        for record_id in reversed(self.ids(name)[-most:]):
            with suppress(UsageError, NoBaselineError):
                found.append(self.read(name, record_id))
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        """Return the names that have records."""
        return tuple(name for name in self._place.folders() if is_name(name) and self.ids(name))

    def ids(self, name: str) -> tuple[str, ...]:
        """Return the ids of a name's records, oldest first."""
        _check_name(name)
        return tuple(file.removesuffix(".json") for file in self._place.files(name) if file.endswith(".json"))

    def full_id(self, name: str, record_id: str) -> str:
        """Complete a part of an id; UsageError unless exactly one record of the name has it."""
        ids = self.ids(name)
        found = [record_id] if record_id in ids else [one for one in ids if record_id and record_id in one]
        if not ids:
            raise self._none_for(name, None, set())
        if len(found) != 1:
            what = "no record" if not found else f"{len(found)} records"
            raise UsageError(f"{what} {record_id!r} of {name} in {self.url}", f"available: {', '.join(ids)}")
        return found[0]

    def remove(self, name: str, record_id: str | None = None) -> tuple[str, ...]:
        """Remove one record of a name, or all; returns their ids.

        The pointer moves to the newest remaining record. Models without any record are removed too (`frees_models`);
        where nothing locks the store, perfgate.baseline.garbage removes them later.
        """
        with self._place.exclusive():
            doomed = self.ids(name) if record_id is None else (self.full_id(name, record_id),)
            if not doomed:
                raise self._none_for(name, None, set())
            models = self._artifacts(name, doomed)
            self._point(name, without=doomed)  # first, so that a crash leaves no dangling pointer
            for one in doomed:
                self._place.remove(_file(name, one))
            if not self._place.tree(name):
                self._place.remove(name)
            self._point(name)  # again: who added meanwhile may still have seen what is gone now
            if self.frees_models:
                self._collect(models)
        return doomed

    def fetch_artifact(self, record: Record, cache_dir: Path, digest_of: Callable[[Path], str] | None = None) -> Path:
        """Return a local directory with the record's model (perfgate.baseline.artifacts.fetch says how)."""
        return artifacts.fetch(self._place, record, cache_dir, digest_of)

    def pointer(self, name: str) -> str | None:
        """Return the content of a name's `current`; None if there is none."""
        _check_name(name)
        text = self._place.read(f"{name}/{CURRENT}")
        return None if text is None else text.strip()

    def models(self) -> tuple[str, ...]:
        """Return the models in the store, as records refer to them."""
        return tuple(f"{artifacts.FOLDER}/{folder}" for folder in self._place.folders(artifacts.FOLDER))

    def unfinished(self) -> tuple[str, ...]:
        """Return incomplete files in the store, which killed processes leave behind."""
        return tuple(f"{TEMPORARY}/{file}" for file in self._place.files(TEMPORARY))

    def _pointed(self, name: str) -> Record | None:
        record_id = (self._place.read(f"{name}/{CURRENT}") or "").strip()
        if not re.fullmatch(r"[0-9TZ.]+-[0-9a-f]+", record_id):
            return None
        with suppress(NoBaselineError):
            return self.read(name, record_id)
        return None

    def _keep(self, record: Record, text: str) -> None:
        file = _file(record.name, record.id)
        if self._place.create(file, text) not in {None, text}:
            raise UsageError(f"{self._place.shown(file)}: already stored with different content", "promote it again")

    def _complete(self, models: Mapping[str, tuple[str, Path]]) -> None:
        """Restore what a garbage collection took away that read the records before the new ones were written."""
        if not self._place.locks:
            for model_digest, directory in models.values():
                artifacts.complete(self._place, model_digest, directory)

    def _point(self, name: str, without: tuple[str, ...] = ()) -> None:
        settle(self._place, name, self.ids, without)

    def _artifacts(self, name: str, ids: tuple[str, ...]) -> set[str]:
        kept: set[str] = set()
        for record_id in ids:
            with suppress(UsageError):  # an unreadable record can be removed, too, but not its unknown model
                artifact = self.read(name, record_id).model.artifact
                kept |= {artifact} if artifact and artifacts.is_inside(artifact) else set()
        return kept

    def _collect(self, models: set[str]) -> None:
        try:
            needed = {record.model.artifact for record in self.list()} if models else set()
        except UsageError:  # an unreadable record may need any of them
            return
        for model in models - needed:
            self._place.remove(model)

    def _none_for(self, name: str, scenario: str | None, others: set[str]) -> NoBaselineError:
        known = ", ".join(self.names())
        if scenario in others:
            problem = f"the baseline {name} was recorded before scenario {scenario} was changed"
        elif others:
            problem = f"the baseline {name} has no record for this scenario, only for {', '.join(sorted(others))}"
        else:
            problem = f"no baseline {name} in {self.url}" + (f" (available: {known})" if known else "")
        return NoBaselineError(problem, f"record one with `{recording(name, self.url, scenario)}`")


def _file(name: str, record_id: str) -> str:
    return f"{name}/{record_id}.json"


def is_name(name: str) -> bool:
    """Return whether baselines can have this name."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is not None and name.lower() not in RESERVED


def _check_name(name: str) -> None:
    if not is_name(name):
        reserved = " or ".join(map(repr, RESERVED))
        allowed = f"letters, digits, '.', '_' or '-', starting with a letter or digit, and not {reserved}"
        raise UsageError(f"invalid baseline name {name!r}", f"use {allowed}")
