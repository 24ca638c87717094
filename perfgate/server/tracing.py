"""Executions with TensorFlow's own timer around each operation, in the session that serves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perfgate.server.servable import Servable, SignatureRunner
from perfgate.server.tensorflow_parts import CallableOptions, RunMetadata, RunOptions

_LARGEST_CONSTANT_BYTES = 4096
"""The content of larger constants is not written: weights in the graph can be most of a model."""


def _leave_out_weights(graph: Any) -> None:
    for node in graph.node:
        if node.op == "Const" and (tensor := node.attr["value"].tensor).ByteSize() > _LARGEST_CONSTANT_BYTES:
            shape = type(tensor)(dtype=tensor.dtype, tensor_shape=tensor.tensor_shape)
            tensor.CopyFrom(shape)


class Tracer:
    """Runs signatures with `SOFTWARE_TRACE`: times of operations on the CPU, without the profiler's own thread."""

    def __init__(self, servable: Servable) -> None:
        self._session = servable.session
        self._calls: dict[tuple[Any, bool], Any] = {}

    def run(self, endpoint: SignatureRunner, arrays: Sequence[np.ndarray], file: Path) -> float:
        """Run once, and write what was timed (`RunMetadata`) into a file; returns the wall time in ms."""
        found, wall_ms = self._run(endpoint, arrays, graphs=False)
        file.write_bytes(found.SerializeToString())
        return wall_ms

    def write_graph(self, endpoint: SignatureRunner, arrays: Sequence[np.ndarray], file: Path) -> None:
        """Run once, and write the graph as it was optimised, with what was timed, into a file."""
        self._run(endpoint, arrays, graphs=False)  # the first run of a callable takes longer
        found, _ = self._run(endpoint, arrays, graphs=True)
        for graph in found.partition_graphs:
            _leave_out_weights(graph)
        file.write_bytes(found.SerializeToString())

    def _run(self, endpoint: SignatureRunner, arrays: Sequence[np.ndarray], *, graphs: bool) -> tuple[Any, float]:
        call, found = self._call(endpoint, graphs=graphs), RunMetadata()
        find = self._session.graph.get_tensor_by_name
        types = [find(name).dtype.base_dtype.as_numpy_dtype for name in endpoint.tensors[0]]
        fit = [np.asarray(array, dtype) for array, dtype in zip(arrays, types, strict=True)]
        began_ns = time.perf_counter_ns()
        call(*fit, run_metadata=found)
        return found, (time.perf_counter_ns() - began_ns) / 1e6

    def _call(self, endpoint: SignatureRunner, *, graphs: bool) -> Any:
        key = (endpoint.tensors, graphs)
        if key not in self._calls:
            fed, fetched = endpoint.tensors
            run_options = RunOptions(trace_level=RunOptions.SOFTWARE_TRACE, output_partition_graphs=graphs)
            options = CallableOptions(feed=fed, fetch=fetched, run_options=run_options)
            self._calls[key] = self._session._make_callable_from_options(options)  # noqa: SLF001 - there is no other way
        return self._calls[key]
