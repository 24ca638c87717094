"""A folder at any location: a local directory, or any fsspec URL. Whole files appear atomically or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.core import url_to_fs

from perfgate.baseline import s3
from perfgate.baseline.unreachable import explained, in_words, missing_package
from perfgate.errors import UsageError

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".tmp"
"""Folder of incomplete files; the remains of a killed process may be deleted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file contained when it was read, to replace just that."""

    text: str | None
    """None: there was no file."""
    etag: str | None = None
    """What S3 compares; None in other places."""


class StoreLocation:
    """Files below one URL, named by relative paths with forward slashes.

    What cannot be reached is a UsageError, except in a local directory, where reading raises OSError.
    """

    def __init__(self, url: str) -> None:
        """Open `url`; UsageError for a scheme that fsspec does not know or cannot load."""
        self.url = url.rstrip("/") or url
        try:
            self._fs, root = url_to_fs(url, **s3.options(url))
        except ValueError as error:
            known = "a directory, s3://…, gs://…, or another fsspec URL"
            raise UsageError(f"store {url}: {error}", f"use {known}") from error
        except ImportError as error:
            raise missing_package(url, error) from error
        self._root = str(root).rstrip("/")
        self.is_local = isinstance(self._fs, fsspec.get_filesystem_class("file"))
        self._is_s3 = s3.is_s3(self._fs)
        in_memory = isinstance(self._fs, fsspec.get_filesystem_class("memory"))
        self.locks = (self.is_local and sys.platform != "win32") or in_memory
        """Whether `exclusive` keeps other processes out; one process's memory has none."""
        if self.is_local and self._fs.isfile(self._root):
            raise UsageError(f"store {url} is a file", "use a directory")

    def path(self, name: str) -> str:
        """Return the path of `name` in the file system's form."""
        return f"{self._root}/{name}".rstrip("/")

    def shown(self, name: str) -> str:
        """Return the path of `name` in the user's form."""
        return f"{self.url}/{name}" if name else self.url

    def read(self, name: str) -> str | None:
        """Return the text of a file, None if there is none."""
        try:
            with self._reading(name):
                data: bytes = self._fs.cat_file(self.path(name))
        except FileNotFoundError:
            return None
        return data.decode("utf-8", errors="replace")

    def look(self, name: str) -> Seen:
        """Return the text of a file with what `replace` compares."""
        if not self._is_s3:
            return Seen(self.read(name))
        with self._reading(name):
            etag = s3.etag(self._fs, self.path(name))  # before the text: a tag too old only makes `replace` refuse
        return Seen(None if etag is None else self.read(name), etag)

    def write(self, name: str, text: str) -> None:
        """Write a whole file; a reader sees the old one or the new one."""
        with self._arriving(name) as path:
            self._fs.pipe_file(path, text.encode())

    def create(self, name: str, text: str) -> str | None:
        """Write a file unless it exists, and return what it contained then; in S3 only one of many writers succeeds."""
        if self._is_s3:
            return None if self.replace(name, text, Seen(None)) else self.read(name)
        if (stored := self.read(name)) is None:
            self.write(name, text)
        return stored

    def replace(self, name: str, text: str, seen: Seen) -> bool:
        """Write a whole file if it still is what was seen; return whether it was written.

        Only S3 compares: elsewhere it is written in any case, so a caller without `exclusive` looks again afterwards.
        """
        if not self._is_s3:
            self.write(name, text)
            return True
        with self._writing(name):
            return s3.put_if(self._fs, self.path(name), text.encode(), seen.etag)

    def upload(self, source: Path, name: str) -> None:
        """Copy a local file to here."""
        with self._arriving(name) as path:
            self._fs.put_file(str(source), path)

    def download(self, name: str, target: Path) -> None:
        """Copy a file from here to a local path."""
        with self._reading(name):
            self._fs.get_file(self.path(name), str(target))

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of each file at any depth below a folder, by its path relative to it."""
        with self._reading(folder):
            self._fs.invalidate_cache()
            found = self._fs.find(self.path(folder), detail=True)
        start = len(self.path(folder)) + 1
        return {path[start:]: int(found[path]["size"]) for path in sorted(found)}

    def written_at(self, name: str) -> datetime | None:
        """Return when a file was written, by the storage's clock; None if it is gone or the storage does not say."""
        try:
            with self._reading(name):
                self._fs.invalidate_cache()
                written: datetime = self._fs.modified(self.path(name))
        except (FileNotFoundError, NotImplementedError):
            return None
        return written if written.tzinfo else written.replace(tzinfo=UTC)

    def folders(self, folder: str = "") -> tuple[str, ...]:
        """List the folders directly in the place, or in a folder of it."""
        return tuple(sorted(name for name, kind in self._entries(folder) if kind == "directory"))

    def files(self, folder: str) -> tuple[str, ...]:
        """List the files directly in a folder."""
        return tuple(sorted(name for name, kind in self._entries(folder) if kind == "file"))

    def tree(self, folder: str) -> tuple[str, ...]:
        """List all files at any depth below a folder, relative to it."""
        return tuple(self.sizes(folder))

    def remove(self, name: str) -> None:
        """Delete a file, or a folder with its content; idempotent."""
        path = self.path(name)
        with self._writing(name), suppress(FileNotFoundError):
            self._fs.invalidate_cache()
            if self._fs.exists(path):
                self._fs.rm(path, recursive=self._fs.isdir(path))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lock a local place against other processes of this machine; elsewhere no lock is available."""
        if not self.is_local or sys.platform == "win32":
            yield
            return
        with self._writing(""):
            self._fs.makedirs(self._root, exist_ok=True)
            handle = os.open(self._root, os.O_RDONLY)
        try:
            with suppress(OSError):  # a network file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # which also releases the lock

    def _entries(self, folder: str) -> Iterator[tuple[str, str]]:
        try:
            with self._reading(folder):
                self._fs.invalidate_cache()
                listing = self._fs.ls(self.path(folder), detail=True)
        except FileNotFoundError:
            return
        for entry in listing:
            yield str(entry["name"]).rstrip("/").rpartition("/")[2], str(entry["type"])

    @contextmanager
    def _arriving(self, name: str) -> Iterator[str]:
        """Yield a path to write to; the file written there becomes `name` atomically."""
        target = self.path(name)
        with self._writing(name):
            if self._is_s3:  # an object appears when it is complete
                yield target
                return
            temporary = self.path(f"{TEMPORARY}/{uuid4().hex}")
            for path in (temporary, target):
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                yield temporary
                self._fs.mv(temporary, target)
            except BaseException:
                if self._fs.exists(temporary):
                    self._fs.rm_file(temporary)
                raise

    def _reading(self, name: str) -> AbstractContextManager[None]:
        return explained(f"read {self.shown(name)}", is_local=self.is_local)

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            with explained(f"write {self.shown(name)}", is_local=self.is_local):
                yield
        except OSError as error:
            raise UsageError(
                f"cannot write {self.shown(name)}: {in_words(error)}", "check permissions, free space and --store"
            ) from error
