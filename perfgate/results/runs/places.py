"""Opens a place with runs."""

from __future__ import annotations

from pathlib import Path

from perfgate.errors import UsageError
from perfgate.results.runs.interface import Place
from perfgate.results.runs.local import LocalPlace


def place_of(url: str) -> Place:
    """Open a directory or a URL; UsageError if it is a file, or cannot be opened."""
    local = url.removeprefix("file://")
    if "://" in local:
        from perfgate.results.runs.remote import RemotePlace  # noqa: PLC0415 - fsspec is slow to import

        return RemotePlace(local)
    if Path(local).is_file():
        raise UsageError(f"{url} is a file", "use the directory that contains the runs")
    return LocalPlace(local.rstrip("/") or "/")
