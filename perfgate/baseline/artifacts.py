"""Model files in a store, under the digest of their content: one copy for all records that refer to it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from perfgate.baseline.commands import recording
from perfgate.baseline.place import StoreLocation
from perfgate.baseline.record import Record
from perfgate.errors import InvalidRunError, NoBaselineError, UsageError

FOLDER = "artifacts"


def reference(digest: str) -> str:
    """Return the folder of a model digest `sha256:<hex>`, relative to the store."""
    if not (match := re.fullmatch(r"sha256:([0-9a-f]{8,})", digest)):
        raise UsageError(f"not a model digest: {digest}", "use the digest that `perfgate inspect` prints")
    return f"{FOLDER}/{match[1]}"


def is_inside(artifact: str | None) -> bool:
    """Return whether the store keeps an artifact itself, and does not only point to it."""
    return artifact is not None and re.fullmatch(rf"{FOLDER}/[0-9a-f]+", artifact) is not None


def keep(place: StoreLocation, digest: str, model: Path) -> str:
    """Copy the files of a model directory into the store, except those that are already there.

    Each file arrives atomically: an interrupted upload is completed by the next one. Where nothing locks the store, a
    file is written even if all are there, so that whoever collects garbage sees that the model is about to be used.
    """
    folder = reference(digest)
    if not complete(place, digest, model) and not place.locks:
        smallest = min(_files(model), key=lambda file: file.stat().st_size)
        place.upload(smallest, f"{folder}/{smallest.relative_to(model).as_posix()}")
    return folder


def complete(place: StoreLocation, digest: str, model: Path) -> bool:
    """Copy those files of a model directory that the store lacks; return whether there were any."""
    folder = reference(digest)
    there, is_missing = place.sizes(folder), False
    for file in _files(model):
        name = file.relative_to(model).as_posix()
        if there.get(name) != file.stat().st_size:
            place.upload(file, f"{folder}/{name}")
            is_missing = True
    return is_missing


def fetch(place: StoreLocation, record: Record, cache: Path, digest_of: Callable[[Path], str] | None = None) -> Path:
    """Return a local directory with the record's model: the store's own if the store is local, else a copy in `cache`.

    NoBaselineError if the record keeps no model, or it is gone or cannot be reached; InvalidRunError if `digest_of` the
    directory is not the recorded digest.
    """
    artifact = record.model.artifact
    again = f"record again with `{recording(record.name, place.url, record.scenario_name)}`"
    if artifact is None:
        raise NoBaselineError(f"{record.name} {record.id} has only numbers, not the model", again)
    try:
        path = _found(place, artifact, cache, record.model.digest)
    except (OSError, UsageError) as error:
        problem = (
            f"the model of {record.name} {record.id} cannot be reached: {artifact}: {' '.join(str(error).split())}"
        )
        raise NoBaselineError(problem, again) from error
    if path is None or not path.is_dir():
        raise NoBaselineError(f"the model of {record.name} {record.id} is missing: {artifact}", again)
    if digest_of is not None and (found := digest_of(path)) != record.model.digest:
        raise InvalidRunError(
            f"the stored model has changed: {path} has digest {found}, but {record.model.digest} was recorded",
            f"restore it, or delete it and {again}",
        )
    return path


def _files(model: Path) -> list[Path]:
    files = sorted(Path(top, name) for top, _, names in os.walk(model, followlinks=True) for name in names)
    if not files:
        raise UsageError(f"{model}: no model files to store", "use the SavedModel directory")
    return files


def _found(place: StoreLocation, artifact: str, cache: Path, digest: str) -> Path | None:
    if is_inside(artifact):
        return _local(place, artifact, cache)
    return _local(StoreLocation(artifact), "", cache / reference(digest)) if "://" in artifact else Path(artifact)


def _local(place: StoreLocation, folder: str, cache: Path) -> Path | None:
    if place.is_local:
        return Path(place.path(folder))
    if (target := cache / folder if folder else cache).is_dir():
        return target
    if not (names := place.tree(folder)):
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=target.parent) as temporary:
        model = Path(temporary, "model")
        for name in names:
            (model / name).parent.mkdir(parents=True, exist_ok=True)
            place.download(f"{folder}/{name}".lstrip("/"), model / name)
        with suppress(OSError):  # another process has downloaded the same content in the meantime
            model.rename(target)
    return target
