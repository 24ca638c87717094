"""Digest and size of a directory's content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Content:
    """A directory's content; times, owners, empty directories and the directory's own name do not count."""

    digest: str
    """`sha256:<hex>` of the output of `sha256sum --zero` for all files, sorted by name as bytes."""
    size_bytes: int


def content_of(directory: Path) -> Content:
    r"""Digest all files below a directory, following links; OSError if one cannot be read.

    In a shell: `find -L . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum -z | sha256sum`.
    """
    whole, size_bytes = hashlib.sha256(), 0
    for name in sorted(_names(directory)):
        path = directory / os.fsdecode(name)
        whole.update(file_sha256(path).encode() + b"  " + name + b"\0")
        size_bytes += path.stat().st_size
    return Content(f"sha256:{whole.hexdigest()}", size_bytes)


def digest(directory: Path) -> str:
    """Digest a directory's content, as `sha256:…`; OSError if a file cannot be read."""
    return content_of(directory).digest


def file_sha256(path: Path) -> str:
    """Hash one file in pieces; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(directory: Path) -> Iterator[bytes]:
    for folder, _, files in os.walk(directory, followlinks=True, onerror=_raise):
        for file in files:
            yield os.fsencode((Path(folder) / file).relative_to(directory).as_posix())


def _raise(error: OSError) -> None:
    raise error
