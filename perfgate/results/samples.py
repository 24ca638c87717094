"""`samples.arrow`: every request as measured, an Arrow IPC stream with one record batch a block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from perfgate.errors import UsageError
from perfgate.trials import Arm, Block, Depth, Lane, Memory, Requests, Stages, State, Trial
from perfgate.whole_file import naming

FILE_NAME = "samples.arrow"

_WORDS = {"lane": Lane, "depth": Depth, "state": State, "arm": Arm}
_MEMORY = ("rss_mb", "rss_peak_mb", "pss_mb", "uss_mb")
_NUMBERS = ("start_s", "wall_s", "cpu_ms", "driver_cpu_ms")
_REQUEST = ("response_ms", "service_ms", "send_lag_ms")
_PAYLOAD = "payload"
"""The last column; absent from files of version 3."""
_STAGES = ("queue_ms", "execute_ms", "encode_ms", "batch_size")

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.dictionary(pa.int8(), pa.string()), nullable=False) for name in _WORDS),
        pa.field("block", pa.int32(), nullable=False),
        pa.field("replica", pa.int16(), nullable=False),
        pa.field("unrecorded", pa.int32(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in _NUMBERS),
        *(pa.field(name, pa.float64()) for name in _MEMORY),
        pa.field("scheduled_s", pa.float64()),
        *(pa.field(name, pa.float64()) for name in _REQUEST),
        pa.field("status", pa.int8()),
        pa.field("request_class", pa.int8()),
        *(pa.field(name, pa.float32()) for name in _STAGES),
        pa.field(_PAYLOAD, pa.int32()),
    ],
    metadata={"perfgate.samples": "4"},
)
"""One row a request; `scheduled_s` counts from the start of the run. Values of a trial are repeated in its rows.
A trial without requests is one row whose request columns are null. Memory that was not sampled and stage times that
the server did not report are null, as is the payload of a trial that sent several.
"""


class SampleWriter:
    """Writer of blocks to a stream, flushed after each: a crash loses at most the block being written."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, path.open("wb")
        self._stream = pa.ipc.new_stream(self._file, SCHEMA)

    def append(self, block: Block) -> None:
        """Add all requests of a block."""
        if block.trials:
            with naming(self._path):
                self._stream.write_batch(_batch(block.trials))
                self._file.flush()

    def close(self) -> None:
        """Write the end of the stream; idempotent."""
        if not self._file.closed:
            with naming(self._path):
                self._stream.close()
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_samples(path: Path) -> pa.Table:
    """Read all whole batches; a truncated tail is ignored. UsageError if there is no file, or no stream of samples."""
    return pa.Table.from_batches(sample_batches(path), schema=SCHEMA)


def sample_batches(path: Path, columns: Sequence[str] = SCHEMA.names) -> Iterator[pa.RecordBatch]:
    """Read the whole batches one by one, optionally some columns only; errors as in `read_samples`, at the first."""
    try:
        # A plain file, not memory-mapped: each batch's memory is freed before the next.
        with pa.OSFile(str(path)) as file:
            there = pa.ipc.open_stream(file).schema.names
        if there not in (SCHEMA.names, SCHEMA.names[:-1]):
            raise UsageError(f"{path} does not have the columns of a samples file", "use a run's samples.arrow")
        chosen = [name for name in SCHEMA.names if name in columns]
        options = pa.ipc.IpcReadOptions(included_fields=[there.index(name) for name in chosen if name in there])
        with pa.OSFile(str(path)) as file:
            for batch in _whole_batches(pa.ipc.open_stream(file, options=options)):
                yield batch if _PAYLOAD in there or _PAYLOAD not in chosen else _without_payload(batch)
    except (OSError, pa.ArrowInvalid) as error:
        msg = f"cannot read the samples {path}"
        raise UsageError(msg, "use a run's samples.arrow; a run that ended before its first block has none") from error


def rebuild_trials(table: pa.Table) -> tuple[Trial, ...]:
    """Rebuild the trials from their samples, in the order in which they were written."""
    frame = table.to_pandas()
    if frame.empty:
        return ()
    columns = {name: frame[name].to_numpy() for name in frame}
    codes = [frame[name].cat.codes.to_numpy() for name in ("lane", "depth", "arm")]
    keys = np.stack([*codes, columns["block"], columns["replica"], columns["start_s"]])
    begins = [0, *(1 + np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0))).tolist()]
    return tuple(_trial(columns, slice(begin, end)) for begin, end in zip(begins, [*begins[1:], None], strict=True))


def _without_payload(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.append_column(SCHEMA.field(_PAYLOAD), pa.nulls(batch.num_rows, pa.int32()))


def _whole_batches(stream: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = stream.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return
        yield batch


def _batch(trials: Sequence[Trial]) -> pa.RecordBatch:
    counts = [max(len(trial.requests.status), 1) for trial in trials]
    columns: dict[str, pa.Array] = {}
    for name, words in _WORDS.items():
        values = list(words)
        indices = np.array([values.index(getattr(trial, name)) for trial in trials], np.int8)
        # The same dictionary in each batch, so that the stream holds it once.
        columns[name] = pa.DictionaryArray.from_arrays(np.repeat(indices, counts), [word.value for word in values])
    columns["block"] = pa.array(np.repeat(np.array([t.block for t in trials], np.int32), counts))
    columns["replica"] = pa.array(np.repeat(np.array([t.replica for t in trials], np.int16), counts))
    columns["unrecorded"] = pa.array(np.repeat(np.array([t.unrecorded for t in trials], np.int32), counts))
    for name in _NUMBERS:
        columns[name] = pa.array(np.repeat([float(getattr(t, name)) for t in trials], counts))
    for name in _MEMORY:
        values_mb = [getattr(t.memory, name) if t.memory else np.nan for t in trials]
        columns[name] = pa.array(np.repeat(np.array(values_mb, np.float64), counts), from_pandas=True)
    columns["scheduled_s"] = _request_column([t.start_s + t.requests.scheduled_s for t in trials], pa.float64())
    for name in _REQUEST:
        columns[name] = _request_column([getattr(t.requests, name) for t in trials], pa.float64())
    columns["status"] = _request_column([t.requests.status for t in trials], pa.int8())
    columns["request_class"] = _request_column([_kinds(t.requests) for t in trials], pa.int8())
    for name in _STAGES:
        columns[name] = _request_column([_stage(t.requests, name) for t in trials], pa.float32())
    known = [t.payload for t in trials for _ in range(max(len(t.requests.status), 1))]
    columns[_PAYLOAD] = pa.array(known, pa.int32())
    return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _kinds(requests: Requests) -> np.ndarray:
    return np.zeros(requests.status.size, np.int8) if requests.kind is None else requests.kind


def _stage(requests: Requests, name: str) -> np.ndarray:
    unknown = np.full(requests.status.size, np.nan, np.float32)
    return unknown if requests.stages is None else getattr(requests.stages, name).astype(np.float32)


def _request_column(values: Sequence[np.ndarray], kind: pa.DataType) -> pa.Array:
    if all(len(each) for each in values):
        return pa.array(np.concatenate(values), kind, from_pandas=True)
    return pa.concat_arrays(
        [pa.array(each, kind, from_pandas=True) if len(each) else pa.nulls(1, kind) for each in values]
    )


def _kinds_again(kinds: np.ndarray) -> np.ndarray | None:
    return kinds.astype(np.int8) if np.any(kinds) else None


def _stages_again(columns: Mapping[str, np.ndarray], asked: slice) -> Stages | None:
    stages = [columns[name][asked].astype(np.float64) for name in _STAGES]
    return None if all(np.isnan(stage).all() for stage in stages) else Stages(*stages)


def _trial(columns: Mapping[str, np.ndarray], rows: slice) -> Trial:
    first = {name: values[rows.start] for name, values in columns.items()}
    # A trial without requests is a single row without a status.
    asked = slice(rows.start, rows.start) if np.isnan(first["status"]) else rows
    memory = Memory(*(float(first[name]) for name in _MEMORY))
    return Trial(
        lane=Lane(first["lane"]),
        depth=Depth(first["depth"]),
        state=State(first["state"]),
        block=int(first["block"]),
        arm=Arm(first["arm"]),
        replica=int(first["replica"]),
        start_s=float(first["start_s"]),
        wall_s=float(first["wall_s"]),
        requests=Requests(
            scheduled_s=columns["scheduled_s"][asked] - first["start_s"],
            response_ms=columns["response_ms"][asked],
            service_ms=columns["service_ms"][asked],
            send_lag_ms=columns["send_lag_ms"][asked],
            status=columns["status"][asked].astype(np.int8),
            kind=_kinds_again(columns["request_class"][asked]),
            stages=_stages_again(columns, asked),
        ),
        cpu_ms=float(first["cpu_ms"]),
        driver_cpu_ms=float(first["driver_cpu_ms"]),
        unrecorded=int(first["unrecorded"]),
        payload=None if np.isnan(first[_PAYLOAD]) else int(first[_PAYLOAD]),
        memory=None if all(np.isnan(first[name]) for name in _MEMORY) else memory,
    )
