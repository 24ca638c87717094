"""A folder at any location: a local directory, or any fsspec URL. Whole files appear atomically or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.core import url_to_fs

from perfgate.errors import UsageError

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".tmp"
"""Folder of incomplete files; the remains of a killed process may be deleted."""


class StoreLocation:
    """Files below one URL, named by relative paths with forward slashes."""

    def __init__(self, url: str) -> None:
        """Open `url`; UsageError for a scheme that fsspec does not know or cannot load."""
        self.url = url.rstrip("/") or url
        try:
            self._fs, root = url_to_fs(url)
        except ValueError as error:
            known = "a directory, s3://…, gs://…, or another fsspec URL"
            raise UsageError(f"store {url}: {error}", f"use {known}") from error
        except ImportError as error:
            raise UsageError(f"store {url}: {error}", "install the fsspec package for this scheme") from error
        self._root = str(root).rstrip("/")
        self.is_local = isinstance(self._fs, fsspec.get_filesystem_class("file"))
        if self.is_local and self._fs.isfile(self._root):
            raise UsageError(f"store {url} is a file", "use a directory")

    def path(self, name: str) -> str:
        """Return the path of `name` in the file system's form."""
        return f"{self._root}/{name}".rstrip("/")

    def shown(self, name: str) -> str:
        """Return the path of `name` in the user's form."""
        return f"{self.url}/{name}"

    def read(self, name: str) -> str | None:
        """Return the text of a file, None if there is none."""
        try:
            data: bytes = self._fs.cat_file(self.path(name))
        except FileNotFoundError:
            return None
        return data.decode("utf-8", errors="replace")

    def write(self, name: str, text: str) -> None:
        """Write a whole file; a reader sees the old one or the new one."""
        with self._arriving(name) as temporary:
            self._fs.pipe_file(temporary, text.encode())

    def upload(self, source: Path, name: str) -> None:
        """Copy a local file to here."""
        with self._arriving(name) as temporary:
            self._fs.put_file(str(source), temporary)

    def download(self, name: str, target: Path) -> None:
        """Copy a file from here to a local path."""
        self._fs.get_file(self.path(name), str(target))

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if there is none."""
        try:
            return int(self._fs.size(self.path(name)))
        except FileNotFoundError:
            return None

    def folders(self, folder: str = "") -> tuple[str, ...]:
        """List the folders directly in the place, or in a folder of it."""
        return tuple(sorted(name for name, kind in self._entries(folder) if kind == "directory"))

    def files(self, folder: str) -> tuple[str, ...]:
        """List the files directly in a folder."""
        return tuple(sorted(name for name, kind in self._entries(folder) if kind == "file"))

    def tree(self, folder: str) -> tuple[str, ...]:
        """List all files at any depth below a folder, relative to it."""
        self._fs.invalidate_cache()
        top = self.path(folder)
        return tuple(sorted(path[len(top) + 1 :] for path in self._fs.find(top)))

    def remove(self, name: str) -> None:
        """Delete a file, or a folder with its content; idempotent."""
        path = self.path(name)
        if self._fs.exists(path):
            self._fs.rm(path, recursive=self._fs.isdir(path))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lock a local place against other processes of this machine; elsewhere no lock is available."""
        if not self.is_local or sys.platform == "win32":
            yield
            return
        with self._clearly(""):
            self._fs.makedirs(self._root, exist_ok=True)
            handle = os.open(self._root, os.O_RDONLY)
        try:
            with suppress(OSError):  # a network file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # which also releases the lock

    def _entries(self, folder: str) -> Iterator[tuple[str, str]]:
        self._fs.invalidate_cache()
        try:
            listing = self._fs.ls(self.path(folder), detail=True)
        except FileNotFoundError:
            return
        for entry in listing:
            yield str(entry["name"]).rstrip("/").rpartition("/")[2], str(entry["type"])

    @contextmanager
    def _arriving(self, name: str) -> Iterator[str]:
        """Yield a temporary path; the file written there becomes `name` atomically."""
        temporary = self.path(f"{TEMPORARY}/{uuid4().hex}")
        target = self.path(name)
        with self._clearly(name):
            for path in (temporary, target):
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                yield temporary
                self._fs.mv(temporary, target)
            except BaseException:
                if self._fs.exists(temporary):
                    self._fs.rm_file(temporary)
                raise

    @contextmanager
    def _clearly(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"cannot write {self.shown(name)}: {error.strerror or error}",
                "check permissions, free space and --store",
            ) from error
