"""The file of `perfgate baseline export`: a tar archive of records and their models.

The same content makes the same bytes. Its members are `manifest.json`, then models, then records, under the names that
they have in a store.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import TypeAdapter

from perfgate.baseline.plain_json import to_text
from perfgate.errors import UsageError

FORMAT = "perfgate-baselines"
SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
_MOST_TEXT_BYTES = 2**26
"""A record has a few kB, and a manifest about 100 bytes for each."""
_PIECE_BYTES = 2**20
_RECORD = r"[A-Za-z0-9][A-Za-z0-9._-]*/[0-9TZ.]+-[0-9a-f]+\.json"
_MODEL_FILE = r"artifacts/[0-9a-f]{8,}/.+"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the file must contain, so that a file cut short is not taken for a whole one."""

    records: dict[str, str]
    """`sha256:…` of each record's text, by its name in the store."""
    models: tuple[str, ...]
    """`artifacts/<hex>`; each is checked by the digest in its records."""
    format: str = field(default=FORMAT)
    schema_version: int = field(default=SCHEMA_VERSION)


_ADAPTER = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class Content:
    """The unpacked content of a file, nothing of which has been checked except names and the manifest's digests."""

    texts: dict[str, str]
    """The text of each record, by its name in the store."""
    models: dict[str, Path]
    """The directory of each model, by its name in the store."""


def text_digest(text: str) -> str:
    """Return `sha256:…` of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def write(target: IO[bytes], texts: dict[str, str], models: dict[str, Path]) -> None:
    """Write records and the directories of their models."""
    manifest = Manifest({name: text_digest(texts[name]) for name in texts}, tuple(sorted(models)))
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_text(archive, MANIFEST, to_text(_ADAPTER.dump_python(manifest)))
        for name in sorted(models):
            for file in sorted(each for each in models[name].rglob("*") if each.is_file()):
                member = _member(f"{name}/{file.relative_to(models[name]).as_posix()}", file.stat().st_size)
                with file.open("rb") as source:
                    archive.addfile(member, source)
        for name in sorted(texts):
            _add_text(archive, name, texts[name])


def unpack(source: Path, scratch: Path) -> Content:
    """Unpack a file to an empty directory; UsageError if it is not one of these files, or is not whole."""
    texts: dict[str, str] = {}
    models: dict[str, Path] = {}
    try:
        with tarfile.open(source, mode="r:") as archive:
            manifest = _manifest(source, archive)
            while member := archive.next():
                _check(source, member)
                if member.name.startswith("artifacts/"):
                    _unpack_file(source, archive, member, scratch)
                    model = "/".join(member.name.split("/")[:2])
                    models[model] = scratch / model
                elif member.name in texts:
                    raise _foreign(source, f"{member.name!r} is in it twice")
                else:
                    texts[member.name] = _content(archive, member).decode()
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise _foreign(source, " ".join(str(error).split())) from error
    found = Manifest({name: text_digest(text) for name, text in texts.items()}, tuple(sorted(models)))
    if (found.records, found.models) != (manifest.records, manifest.models):
        raise UsageError(f"{source} is damaged: it does not contain what its manifest lists", "export it again")
    return Content(texts, models)


def _manifest(source: Path, archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _MOST_TEXT_BYTES:
        raise _foreign(source, f"it does not begin with {MANIFEST}")
    try:
        manifest = _ADAPTER.validate_json(_content(archive, first))
    except ValueError as error:
        raise _foreign(source, f"its {MANIFEST} is not one of perfgate") from error
    if (manifest.format, manifest.schema_version) != (FORMAT, SCHEMA_VERSION):
        version = f"{manifest.format} of version {manifest.schema_version}"
        raise UsageError(
            f"{source} is {version}, this perfgate reads {FORMAT} {SCHEMA_VERSION}", "use the perfgate that wrote it"
        )
    return manifest


def _check(source: Path, member: tarfile.TarInfo) -> None:
    """Refuse what is not a plain file of a store, and every name that could lead out of it."""
    if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or member.issparse():  # sparse: a terabyte in a few bytes
        raise _foreign(source, f"{member.name!r} is not a plain file")
    parts = member.name.split("/")
    is_safe = not {"", ".", ".."}.intersection(parts) and not re.search(r"[\\\x00-\x1f]", member.name)
    if not is_safe or not re.fullmatch(f"{_RECORD}|{_MODEL_FILE}", member.name):
        raise _foreign(source, f"{member.name!r} is not a file of a store")
    if not member.name.startswith("artifacts/") and member.size > _MOST_TEXT_BYTES:
        raise _foreign(source, f"{member.name!r} is too large for a record")


def _unpack_file(source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, scratch: Path) -> None:
    target = scratch / PurePosixPath(member.name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.writelines(_pieces(archive, member))
    except (FileExistsError, NotADirectoryError) as error:
        raise _foreign(source, f"{member.name!r} is in it twice") from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return b"".join(_pieces(archive, member))


def _pieces(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    reader = archive.extractfile(member)
    while reader is not None and (piece := reader.read(_PIECE_BYTES)):
        yield piece


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    archive.addfile(_member(name, len(data)), io.BytesIO(data))


def _member(name: str, size_bytes: int) -> tarfile.TarInfo:
    """Describe a file without owner and time, so that the same content makes the same bytes."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size_bytes, 0o644
    return member


def _foreign(source: Path, why: str) -> UsageError:
    return UsageError(
        f"{source} is not a file that perfgate may import: {why}", "use one of `perfgate baseline export`"
    )
