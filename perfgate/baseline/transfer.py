"""Baselines from one store to another by one file, which is checked as a whole before any of it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from uuid import uuid4

from perfgate.baseline import export_file
from perfgate.baseline.artifacts import is_inside, reference
from perfgate.baseline.commands import recording
from perfgate.baseline.record import Record, from_json, to_json
from perfgate.baseline.store import Store, is_name
from perfgate.baseline.unreachable import in_words
from perfgate.errors import NoBaselineError, UsageError


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file contains."""

    records: tuple[Record, ...]
    models: int
    elsewhere: tuple[Record, ...]
    """Records whose models are not in the store, so not in the file either, but where their path or URL says."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: tuple[Record, ...]
    present: tuple[Record, ...]
    """Records that the store had already, which stay as they are."""


def export(  # noqa: PLR0913 - the command's options
    store: Store,
    names: Sequence[str],
    target: Path,
    digest_of: Callable[[Path], str],
    scratch: Path,
    *,
    numbers_only: bool,
) -> Exported:
    """Write all records, or those of some names, to a file, with the models that the store keeps.

    The file appears when it is complete. NoBaselineError for a name without records or a missing model, InvalidRunError
    for a model that has changed, UsageError for an unreadable record and a file that cannot be written.
    """
    records = _chosen(store, names)
    if numbers_only:
        records = tuple(replace(each, model=replace(each.model, artifact=None)) for each in records)
    keeping = {str(each.model.artifact): each for each in records if is_inside(each.model.artifact)}
    models = {name: store.fetch_artifact(record, scratch, digest_of) for name, record in keeping.items()}
    texts = {f"{each.name}/{each.id}.json": to_json(each) for each in records}
    with _arriving(target) as file:
        export_file.write(file, texts, models)
    elsewhere = tuple(each for each in records if each.model.artifact and not is_inside(each.model.artifact))
    return Exported(records, len(models), elsewhere, target.stat().st_size)


def import_(store: Store, source: Path, digest_of: Callable[[Path], str], scratch: Path) -> Imported:
    """Add the records and models of a file to a store; nothing is stored unless all of it is valid and fits.

    A record that is there already stays, even if only one of both has its model. UsageError for a foreign or damaged
    file, and for a record that the store has with other content.
    """
    content = export_file.unpack(source, scratch)
    records = {name: _checked(source, name, text) for name, text in content.texts.items()}
    _check_models(source, tuple(records.values()), content.models, digest_of)
    stored = {name: _stored(store, record) for name, record in records.items()}
    if other := [name for name, record in records.items() if stored[name] not in (None, _bare(record))]:
        more = f", and {len(other) - 1} more" if len(other) > 1 else ""
        problem = f"{store.url} has {other[0]}{more} with different content; nothing was imported"
        raise UsageError(problem, "import into another store, or remove it there with `perfgate baseline rm`")
    added = {name: record for name, record in records.items() if stored[name] is None}
    needed = {str(record.model.artifact): record.model.digest for record in added.values()}
    models = {name: (needed[name], path) for name, path in content.models.items() if name in needed}
    names = {record.name for record in records.values()}  # of all: a killed import may have left a pointer behind
    store.restore([content.texts[name] for name in added], models, names)
    return Imported(tuple(added.values()), tuple(records[name] for name in records if name not in added))


@contextmanager
def _arriving(target: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name when it is complete."""
    partial = target.with_name(f".{target.name}-{uuid4().hex}")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    except (OSError, UnicodeEncodeError) as error:
        raise UsageError(f"cannot write {target}: {in_words(error)}", "name another file") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _chosen(store: Store, names: Sequence[str]) -> tuple[Record, ...]:
    for name in names:
        if not store.ids(name):
            store.full_id(name, "")  # raises NoBaselineError, with the command that records one
    chosen = sorted(set(names)) if names else store.names()
    if not chosen:
        raise NoBaselineError(f"no baselines in {store.url}", f"record one with `{recording('NAME', store.url)}`")
    return tuple(store.read(name, record_id) for name in chosen for record_id in store.ids(name))


def _checked(source: Path, name: str, text: str) -> Record:
    record = from_json(text, f"{name} in {source}")
    if name != f"{record.name}/{record.id}.json" or not is_name(record.name):
        raise UsageError(f"{name} in {source}: contains record {record.name}/{record.id}", "export it again")
    return record


def _check_models(
    source: Path, records: Sequence[Record], models: dict[str, Path], digest_of: Callable[[Path], str]
) -> None:
    needed = {str(each.model.artifact): each for each in records if is_inside(each.model.artifact)}
    if unlike := needed.keys() ^ models.keys():
        raise UsageError(f"{source} is damaged: {min(unlike)} is without record or model", "export it again")
    for each in records:
        if is_inside(each.model.artifact) and each.model.artifact != reference(each.model.digest):
            raise UsageError(f"{source} is damaged: {each.name}/{each.id} names another model", "export it again")
    for name, record in needed.items():
        if (found := digest_of(models[name])) != record.model.digest:
            raise UsageError(f"{source} is damaged: {name} has digest {found}", "export it again")


def _stored(store: Store, record: Record) -> Record | None:
    with suppress(NoBaselineError):
        return _bare(store.read(record.name, record.id))
    return None


def _bare(record: Record) -> Record:
    """Return a record without the place of its model, by which two copies of a record may differ."""
    return replace(record, model=replace(record.model, artifact=None))
