"""Requests as bytes in a file, whole arrays at a time, for passing them between processes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Requests, Stages

_COLUMNS = ("scheduled_s", "response_ms", "service_ms", "send_lag_ms")
_STAGES = ("queue_ms", "execute_ms", "encode_ms", "batch_size")


def write(file: int, requests: Requests) -> dict[str, Any]:
    """Write all columns, and return the header that a reader needs."""
    columns: list[NDArray[Any]] = [getattr(requests, name) for name in _COLUMNS]
    if requests.stages is not None:
        columns += [getattr(requests.stages, name) for name in _STAGES]
    columns += [requests.status, *(() if requests.kind is None else (requests.kind,))]
    data = b"".join(column.tobytes() for column in columns)
    os.ftruncate(file, 0)
    write_all(file, data)
    return {
        "requests": requests.status.size,
        "stages": requests.stages is not None,
        "kind": requests.kind is not None,
    }


def read(file: int, header: dict[str, Any]) -> Requests:
    """Read what `write` wrote."""
    size = header["requests"]
    data, at = os.pread(file, os.fstat(file).st_size, 0), 0

    def column(kind: type[np.generic]) -> NDArray[Any]:
        nonlocal at
        found = np.frombuffer(data, kind, size, at)
        at += found.nbytes
        return found

    times = [column(np.float64) for _ in _COLUMNS]
    stages = Stages(*(column(np.float64) for _ in _STAGES)) if header["stages"] else None
    status = column(np.int8)
    kind = column(np.int8) if header["kind"] else None
    return Requests(times[0], times[1], times[2], times[3], status, kind, stages)


def save(path: Path, requests: Requests) -> None:
    """Write a file, with the reader's header beside it."""
    with path.open("wb") as file:
        header = write(file.fileno(), requests)
    path.with_suffix(".json").write_text(json.dumps(header), encoding="ascii")


def load(path: Path) -> Requests:
    """Read what `save` wrote."""
    with path.open("rb") as file:
        return read(file.fileno(), json.loads(path.with_suffix(".json").read_text(encoding="ascii")))


def merge(parts: Sequence[Requests]) -> Requests:
    """Merge the requests of several workers, in order of schedule."""
    scheduled_s = np.concatenate([part.scheduled_s for part in parts])
    order = np.argsort(scheduled_s, kind="stable")

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    kind = None
    if any(part.kind is not None for part in parts):
        kind = np.concatenate(
            [np.zeros(part.status.size, np.int8) if part.kind is None else part.kind for part in parts]
        )
        kind = kind[order]
    times = [joined(name) for name in _COLUMNS]
    return Requests(times[0], times[1], times[2], times[3], joined("status"), kind, _stages(parts, order))


def _stages(parts: Sequence[Requests], order: NDArray[np.intp]) -> Stages | None:
    if all(part.stages is None for part in parts):
        return None
    columns = []
    for name in _STAGES:
        pieces = [
            np.full(part.status.size, np.nan) if part.stages is None else getattr(part.stages, name) for part in parts
        ]
        columns.append(np.concatenate(pieces)[order])
    return Stages(*columns)


def write_all(file: int, data: bytes) -> None:
    """Write from the beginning of a file, in as many calls as needed (one writes 2 GB at most)."""
    view, at = memoryview(data), 0
    while at < len(view):
        at += os.pwrite(file, view[at:], at)
