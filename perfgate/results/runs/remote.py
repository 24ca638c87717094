"""Runs below any fsspec URL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs

from perfgate.baseline import s3
from perfgate.errors import UsageError
from perfgate.results.runs.interface import FILE_NAME, PLAN, TRIED, Found

_STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "updated", "created")
"""What file systems call the time or the digest by which a change shows."""


class RemotePlace:
    """Any fsspec URL."""

    def __init__(self, url: str) -> None:
        """Open it; UsageError for a scheme that fsspec does not know or cannot load."""
        self.url = url.rstrip("/")
        try:
            self._fs, root = url_to_fs(url, **s3.options(url))
        except ValueError as error:
            raise UsageError(f"{url}: {error}", "use a directory, s3://…, gs://…, or another fsspec URL") from error
        except ImportError as error:
            raise UsageError(f"{url}: {error}", "install the fsspec package for this scheme") from error
        s3.is_s3(self._fs)  # which it tells not to repeat requests for many minutes
        self._root = str(root).rstrip("/")

    def find(self) -> Iterator[Found]:  # noqa: D102
        listed = self._listed()
        relative = {path[len(self._root) + 1 :]: facts for path, facts in listed.items()}
        runs = {path.rpartition("/")[0] for path in relative if path.rpartition("/")[2] == FILE_NAME}
        plans = {path.rpartition("/")[0] for path in relative if path.rpartition("/")[2] == PLAN}
        tried = {f"{directory}/{TRIED}".lstrip("/") for directory in plans}
        for directory in sorted(runs):
            parts = directory.split("/") if directory else []
            above = {"/".join(parts[:count]) for count in range(len(parts))}
            if not above & (runs | tried) and not any(part.startswith(".") for part in parts):
                facts = relative[f"{directory}/{FILE_NAME}".lstrip("/")]
                stamp = next((str(facts[key]) for key in _STAMPS if facts.get(key)), "")
                yield Found(directory, int(facts.get("size") or 0), stamp)

    def read_all(self, directories: Sequence[str]) -> list[bytes | OSError]:  # noqa: D102
        paths = [self._path(f"{directory}/{FILE_NAME}".lstrip("/")) for directory in directories]
        read = self._fs.cat(paths, on_error="return") if paths else {}
        return [_or_error(read[path] if isinstance(read, dict) else read) for path in paths]

    def read(self, name: str) -> pa.Buffer | None:  # noqa: D102
        with suppress(FileNotFoundError), _only_os_errors():
            return pa.py_buffer(self._fs.cat_file(self._path(name)))
        return None

    def write(self, name: str, data: bytes) -> None:  # noqa: D102
        with _only_os_errors():
            self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(self._path(name), data)  # which object stores replace in one step

    def shown(self, directory: str) -> str:  # noqa: D102
        return f"{self.url}/{directory}".rstrip("/")

    def _listed(self) -> dict[str, dict[str, Any]]:
        try:
            with _only_os_errors():
                self._fs.invalidate_cache()
                listed: dict[str, dict[str, Any]] = self._fs.find(self._root, detail=True)
        except OSError as error:
            problem = " ".join(f"cannot list {self.url}: {error.strerror or error}".split())
            raise UsageError(problem, "check the URL and your access to it") from error
        return listed

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


@contextmanager
def _only_os_errors() -> Iterator[None]:
    """Raise an OSError for the errors that remote file systems have of their own, such as missing credentials."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _or_error(read: object) -> bytes | OSError:
    return read if isinstance(read, bytes) else OSError(str(read))
