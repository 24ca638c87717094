"""The index of all runs in a place: one Parquet file that is brought up to date by what has changed since."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from perfgate.results.runs.interface import Place
from perfgate.results.runs.reading import Progress, read_runs
from perfgate.results.runs.schema import INDEX, KEYS, VERSION
from perfgate.whole_file import write_whole

FILE_NAME = ".perfgate-runs.parquet"
_KEY = b"perfgate_index"
_FEW = 20
"""So many changed runs are read each time instead of stored: storing an index of 100,000 takes seconds."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs in a place, as they are now."""

    table: pa.Table
    """One row for each, in the columns asked for; `directory` is relative to the place."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Directories whose `result.json` is none of this perfgate's, and why."""
    read: int = 0
    """Results that were read, because the index does not have them."""


class Index:
    """The index of a place: in the place itself, or in a cache directory where that cannot be written.

    It can be deleted at any time. Processes that update it at once each write a whole one, and the last one stays.
    """

    def __init__(self, place: Place, cache: Path) -> None:
        self._place = place
        self._cached = cache / "runs" / f"{hashlib.sha256(place.url.encode()).hexdigest()[:16]}.parquet"

    def runs(self, columns: Sequence[str], processes: int, progress: Progress) -> Runs:
        """Return the runs that are there now, reading only results that are new or have changed."""
        file = self._file()
        stored = _read(file, list(dict.fromkeys((*KEYS, "problem", *columns))))
        found = set(self._place.find())
        known = list(zip(*(stored[name].to_pylist() for name in KEYS), strict=True))
        kept = [each in found for each in known]
        new = found.difference(known) if sum(kept) < len(found) else set()
        read: list[pa.Table] = []
        try:
            for table in read_runs(self._place, sorted(new), processes, progress):
                read.append(table)  # noqa: PERF402 - kept if interrupted
        finally:
            if len(new) + kept.count(False) > _FEW:
                self._save(pa.concat_tables([_only(_read(file, INDEX.names), kept), *read]))
        table = pa.concat_tables([_only(stored, kept), *(each.select(stored.column_names) for each in read)])
        return _split(table, columns, len(new))

    def _file(self) -> pq.ParquetFile | None:
        for data in self._data():
            with suppress(pa.ArrowException, OSError):  # damaged
                file = pq.ParquetFile(pa.BufferReader(data))
                metadata = file.metadata.metadata or {}
                if file.schema_arrow.equals(INDEX) and metadata.get(_KEY) == VERSION:
                    return file
        return None

    def _data(self) -> Iterator[pa.Buffer]:
        """Read the index in the cache first: it is there if the place cannot be written, and its own may be old."""
        with suppress(OSError):
            yield pa.memory_map(str(self._cached)).read_buffer()
        with suppress(OSError):
            if (data := self._place.read(FILE_NAME)) is not None:
                yield data

    def _save(self, table: pa.Table) -> None:
        data = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({_KEY: VERSION}), data, compression="zstd")
        try:
            self._place.write(FILE_NAME, data.getvalue())
        except OSError:  # the place is read-only
            with suppress(OSError):  # the index only saves time
                write_whole(self._cached, data.getvalue())
        else:
            with suppress(OSError):
                self._cached.unlink(missing_ok=True)


def _read(file: pq.ParquetFile | None, columns: list[str]) -> pa.Table:
    return INDEX.empty_table().select(columns) if file is None else file.read(columns).select(columns)


def _only(table: pa.Table, kept: Sequence[bool]) -> pa.Table:
    return table if all(kept) else table.filter(pa.array(kept, pa.bool_()))


def _split(table: pa.Table, columns: Sequence[str], read: int) -> Runs:
    if table["problem"].null_count == len(table):
        return Runs(table.select(columns), (), read)
    broken = [problem is not None for problem in table["problem"].to_pylist()]
    lost = table.filter(pa.array(broken)).select(["directory", "problem"]).to_pylist()
    whole = table.filter(pa.array([not each for each in broken])).select(columns)
    return Runs(whole, tuple(sorted((each["directory"], each["problem"]) for each in lost)), read)
