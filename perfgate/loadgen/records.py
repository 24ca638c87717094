"""Requests as bytes, whole arrays at a time, for passing them between processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Requests, Stages

_COLUMNS = ("scheduled_s", "response_ms", "service_ms", "send_lag_ms")
_STAGES = ("queue_ms", "execute_ms", "encode_ms", "batch_size")


def packed(requests: Requests) -> tuple[dict[str, Any], bytes]:
    """Return the header that a reader needs, and all columns."""
    columns: list[NDArray[Any]] = [getattr(requests, name) for name in _COLUMNS]
    if requests.stages is not None:
        columns += [getattr(requests.stages, name) for name in _STAGES]
    columns += [requests.status, *(() if requests.kind is None else (requests.kind,))]
    header = {
        "requests": requests.status.size,
        "stages": requests.stages is not None,
        "kind": requests.kind is not None,
    }
    return header, b"".join(column.tobytes() for column in columns)


def unpacked(header: dict[str, Any], data: bytes) -> Requests:
    """Return what was `packed`."""
    size, at = header["requests"], 0

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
    header, data = packed(requests)
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps(header), encoding="ascii")


def load(path: Path) -> Requests:
    """Read what `save` wrote."""
    return unpacked(json.loads(path.with_suffix(".json").read_text(encoding="ascii")), path.read_bytes())


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
