"""Runs in a local directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from perfgate.results.runs.interface import FILE_NAME, PLAN, TRIED, Found
from perfgate.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A local directory."""

    url: str

    def find(self) -> Iterator[Found]:  # noqa: D102
        if (found := _local(self.url, "")) is not None:
            yield found
            return
        ahead = [""]
        while ahead:
            directory = ahead.pop()
            for name in _folders(f"{self.url}/{directory}"):
                below = f"{directory}/{name}" if directory else name
                if (found := _local(f"{self.url}/{below}", below)) is None:
                    ahead.append(below)
                else:
                    yield found

    def read_all(self, directories: Sequence[str]) -> list[bytes | OSError]:  # noqa: D102
        return [_bytes_of(f"{self.url}/{directory}/{FILE_NAME}") for directory in directories]

    def read(self, name: str) -> pa.Buffer | None:  # noqa: D102
        with suppress(FileNotFoundError):
            return pa.memory_map(f"{self.url}/{name}").read_buffer()  # of a large index, only some columns are needed
        return None

    def write(self, name: str, data: bytes) -> None:  # noqa: D102
        write_whole(Path(self.url) / name, data)

    def shown(self, directory: str) -> str:  # noqa: D102
        return os.path.normpath(f"{self.url}/{directory}")


def _local(path: str, directory: str) -> Found | None:
    try:
        facts = os.stat(f"{path}/{FILE_NAME}")  # noqa: PTH116 - a Path takes as long as the call
    except OSError:
        return None
    return Found(directory, facts.st_size, str(facts.st_mtime_ns))


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            listed = list(entries)
    except OSError:  # not readable, or just removed
        return []
    folders = [e.name for e in listed if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
    if TRIED in folders and any(entry.name == PLAN for entry in listed):
        folders.remove(TRIED)
    return folders


def _bytes_of(path: str) -> bytes | OSError:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        return error
