"""Several callers' requests executed as one, by the scheduler that TF-Serving uses.

TensorFlow's `BatchFunction` op is that scheduler (`shared_batch_scheduler.h`). It batches tickets, one number a row;
the batch of tickets determines whose rows run together in the model's own session. So any model that the session opens
can be batched, and merging, padding and splitting follow TF-Serving's `batching_session.cc` and `batching_util.cc`
exactly.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from perfgate.server.stages import StageTimes
from perfgate.server.status import StatusError, invalid, of_graph
from perfgate.server.tensorflow_parts import (
    ConfigProto,
    Graph,
    Session,
    dtypes,
    errors,
    nondifferentiable_batch_function,
    numpy_function,
    placeholder,
)

Arrays = Sequence[np.ndarray]

MAX_CALLERS = 1024
_ROW_BITS = 32
_ROWS = (1 << _ROW_BITS) - 1
"""Low bits of a ticket: the row within its request; the request's number is above them."""


def callers(settings: Mapping[str, Any]) -> int:
    """Most requests in progress: with batching, enough of them to fill the queue."""
    batching = settings["batching"]
    if batching is None:
        return int(settings["rpc_threads"])
    batches = batching["num_batch_threads"] + batching["max_enqueued_batches"] + 1
    rows = int(batches * batching["max_batch_size"])
    return max(int(settings["rpc_threads"]), min(MAX_CALLERS, rows))


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """The outcome of some rows of a request."""

    first: int
    outputs: Arrays
    started_ns: int
    ended_ns: int
    batch_rows: int
    error: StatusError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One request; a large one may be split over several batches."""

    arrays: Arrays
    rows: int
    done: list[_Done]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some rows of a request that are in one batch."""

    task: _Task
    first: int
    rows: int

    @property
    def arrays(self) -> Arrays:
        """The rows."""
        if self.rows == self.task.rows:
            return self.task.arrays
        return [array[self.first : self.first + self.rows] for array in self.task.arrays]


class Batcher:
    """Batches the requests to one endpoint."""

    def __init__(self, inputs: Sequence[str], run: Callable[..., Arrays], settings: Mapping[str, Any]) -> None:
        self._inputs, self._run, self._pads = inputs, run, bool(settings["pad_variable_length_inputs"])
        self._numbers = itertools.count()
        self._tasks: dict[int, _Task] = {}
        self._schedule = _scheduler(self._execute, settings)

    def run(self, arrays: Arrays) -> tuple[Arrays, StageTimes]:
        """Run a request together with others; StatusError for errors of its batch."""
        decoded_ns = time.perf_counter_ns()
        task = _Task(arrays, _rows(arrays), [])
        if not task.rows:  # nothing to share, and the scheduler rejects empty tasks
            outputs = self._run_alone(arrays)
            return outputs, StageTimes(0.0, (time.perf_counter_ns() - decoded_ns) / 1e6, 0.0, 0)
        number = next(self._numbers)
        self._tasks[number] = task
        try:
            self._schedule((number << _ROW_BITS) + np.arange(task.rows, dtype=np.int64))
        except errors.OpError as error:
            raise of_graph(error) from error
        finally:
            del self._tasks[number]
        done = sorted(task.done, key=lambda part: part.first)
        if (failed := next((part.error for part in done if part.error is not None), None)) is not None:
            raise StatusError(failed.code, str(failed))
        started_ns, ended_ns = min(part.started_ns for part in done), max(part.ended_ns for part in done)
        times = (started_ns - decoded_ns) / 1e6, (ended_ns - started_ns) / 1e6
        return _joined(done), StageTimes(*times, 0.0, max(part.batch_rows for part in done))

    def _run_alone(self, arrays: Arrays) -> Arrays:
        try:
            return self._run(*arrays)
        except errors.OpError as error:
            raise of_graph(error) from error

    def _execute(self, tickets: np.ndarray) -> np.ndarray:
        """Run one batch; the scheduler calls this in its threads. Tickets beyond the rows are padding."""
        started_ns = time.perf_counter_ns()
        parts = self._parts(list(dict.fromkeys(tickets.tolist())))  # a repeated ticket is padding
        rows = sum(part.rows for part in parts)
        error, outputs = None, [list[np.ndarray]()] * len(parts)
        try:
            outputs = self._outputs(parts, rows, len(tickets))
        except StatusError as caught:
            error = caught
        except errors.OpError as caught:
            error = of_graph(caught)
        except Exception as caught:  # noqa: BLE001 - the callers must be notified
            error = StatusError(grpc.StatusCode.INTERNAL, f"{type(caught).__name__}: {caught}")
        ended_ns = time.perf_counter_ns()
        for part, each in zip(parts, outputs, strict=True):
            part.task.done.append(_Done(part.first, each, started_ns, ended_ns, rows, error))
        return tickets

    def _parts(self, tickets: list[int]) -> list[_Part]:
        """Collect the rows of each request, which are contiguous."""
        first: dict[int, int] = {}
        for ticket in tickets:
            first.setdefault(ticket >> _ROW_BITS, ticket & _ROWS)
        rows = Counter(ticket >> _ROW_BITS for ticket in tickets)
        return [_Part(self._tasks[number], row, rows[number]) for number, row in first.items()]

    def _outputs(self, parts: Sequence[_Part], rows: int, size: int) -> list[list[np.ndarray]]:
        given = [part.arrays for part in parts]
        merged = [
            self._merged(name, [arrays[i] for arrays in given], size - rows) for i, name in enumerate(self._inputs)
        ]
        outputs = [np.asarray(output) for output in self._run(*merged)]
        for output in outputs:
            _require_batch(output, size)
        ends = list(itertools.accumulate(part.rows for part in parts))
        return [[output[end - part.rows : end] for output in outputs] for part, end in zip(parts, ends, strict=True)]

    def _merged(self, name: str, arrays: list[np.ndarray], padding: int) -> np.ndarray:
        """Stack the requests' arrays, followed by `padding` copies of the last one's first row."""
        if len({array.shape[1:] for array in arrays}) > 1:
            if not self._pads or len({array.ndim for array in arrays}) > 1:
                raise StatusError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Tensors with name '{name}' from different tasks have different shapes and padding is turned off. "
                    "Set pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal "
                    "dimensions starting with the first dim.",
                )
            arrays = _lengthened(arrays)
        if padding:
            arrays = [*arrays, np.repeat(arrays[-1][:1], padding, axis=0)]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _joined(done: Sequence[_Done]) -> Arrays:
    """Reassemble the rows of a request."""
    if len(done) == 1:
        return done[0].outputs
    return [np.concatenate(each) for each in zip(*(part.outputs for part in done), strict=True)]


def _rows(arrays: Arrays) -> int:
    if any(array.ndim == 0 for array in arrays):
        raise invalid("Batching Run() input tensors must have at least one dimension")
    if len({array.shape[0] for array in arrays}) != 1:
        raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return int(arrays[0].shape[0])


def _lengthened(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pad all to the size of the largest in each dimension but the first, with a request's own first value."""
    shape = np.max([array.shape[1:] for array in arrays], axis=0).tolist()
    longer = []
    for array in arrays:
        if array.shape[1:] == tuple(shape):
            longer.append(array)
            continue
        if not array.size:
            raise invalid("Got empty tensor in batch of non-empty tensors.")
        padded = np.full((len(array), *shape), array.flat[0], array.dtype)
        padded[tuple(slice(size) for size in array.shape)] = array
        longer.append(padded)
    return longer


def _require_batch(output: np.ndarray, size: int) -> None:
    if output.ndim == 0:
        raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
    if len(output) != size:
        words = "does not equal the sum of the 0th dimension sizes of the input tensors"
        raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, f"Batched output tensor's 0th dimension {words}")


def _scheduler(execute: Callable[[np.ndarray], np.ndarray], settings: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Make the callable that puts tickets into TensorFlow's queue, and returns after their batch has been executed.

    It has a session of its own: in the model's, batches would wait for the single thread that runs them.
    """
    batch_threads = int(settings["num_batch_threads"])
    splits, most = bool(settings["enable_large_batch_splitting"]), settings["max_execution_batch_size"]
    sizes = list(settings["allowed_batch_sizes"])
    if splits and most and not sizes:  # the op has no other way to set the size of a batch
        sizes = list(range(1, most + 1))

    @nondifferentiable_batch_function(  # type: ignore[untyped-decorator]
        num_batch_threads=batch_threads,
        max_batch_size=settings["max_batch_size"],
        batch_timeout_micros=settings["batch_timeout_micros"],
        allowed_batch_sizes=sizes or None,
        max_enqueued_batches=settings["max_enqueued_batches"],
        autograph=False,
        enable_large_batch_splitting=splits,
    )
    def run_batch(tickets: Any) -> Any:
        done = numpy_function(execute, [tickets], dtypes.int64)
        done.set_shape([None])
        return done

    graph = Graph()
    with graph.as_default():
        tickets = placeholder(dtypes.int64, [None])
        done = run_batch(tickets)
    config = ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=batch_threads + 2, use_per_session_threads=True
    )
    schedule: Callable[[Any], Any] = Session(graph=graph, config=config).make_callable(done, [tickets])
    return schedule


def why_not(signature: Any) -> str:
    """Return why a signature's requests cannot be batched; empty when they can."""
    if not signature.inputs:
        return "it has no inputs"
    for name, info in sorted(signature.inputs.items()):
        shape = info.tensor_shape
        if info.HasField("tensor_shape") and not shape.unknown_rank and (not shape.dim or shape.dim[0].size != -1):
            return f"the first dimension of its input {name} is not unknown"
    return ""
