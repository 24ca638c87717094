"""A place with runs: a directory or a URL, whose `result.json` files are found and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

FILE_NAME = "result.json"
PLAN = "plan.json"
TRIED = "scale"
"""Beside its answer, `perfgate plan --scale` keeps the sizes that it tried, which are no runs of their own."""


class Found(NamedTuple):
    """One run's file, as listed; a tuple, because 100,000 are compared with the index."""

    directory: str
    """Its directory below the place; empty for the place itself."""
    size: int
    stamp: str
    """Changes with the file: a time or a digest; empty if the file system has neither."""


class Place(Protocol):
    """A directory, local or remote."""

    @property
    def url(self) -> str:
        """Return it as given, without a slash at the end."""

    def find(self) -> Iterator[Found]:
        """Find all runs at any depth, but not below a run, in a hidden directory, or behind a link."""

    def read_all(self, directories: Sequence[str]) -> list[bytes | OSError]:
        """Read the files of some runs."""

    def read(self, name: str) -> pa.Buffer | None:
        """Read one file of the place; None if there is none, OSError if it cannot be read."""

    def write(self, name: str, data: bytes) -> None:
        """Write such a file in one step, with the directories that it needs; OSError if that is impossible."""

    def shown(self, directory: str) -> str:
        """Return a directory below the place as a user would write it."""
