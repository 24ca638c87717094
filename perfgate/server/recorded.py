"""The recorded payload, executed inside the replica: for depth `execute`, and with each operation timed."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from perfgate.server import inference
from perfgate.server.predict import ServedModel
from perfgate.server.tensorflow_parts import errors
from perfgate.server.tracing import Tracer
from perfgate.serving.channel import Message
from perfgate.serving.reasons import why
from perfgate.serving.run_delay import ProcessRunDelay

_MOST_NAMED = 1000
"""Requests that are named in a message, which has a limit."""


def error_line(error: BaseException) -> str:
    """Describe an error in one line."""
    return why(str(error)) or type(error).__name__


class Recorded:
    """The recorded payload, decoded once; files are named `NUMBER.METHOD.pb`."""

    def __init__(self, served: ServedModel, requests_dir: str | None) -> None:
        files = (
            sorted(Path(requests_dir).glob("*.pb"), key=lambda file: int(file.name.partition(".")[0]))
            if requests_dir
            else []
        )
        self._runs = [_decoded(served, file) for file in files]
        self._wait = ProcessRunDelay()
        self._tracer = Tracer(served.servable)
        self._answers = {"execute": self._execute, "trace": self._trace, "graph": self._graph}

    def answer(self, message: Message) -> Message:
        """Do what a message asks for; an error of the graph is the answer's `error`."""
        try:
            return self._answers[message["op"]](message)
        except errors.OpError as error:
            return {"error": error_line(error)}

    def _execute(self, message: Message) -> dict[str, Any]:
        """Run one recorded request; returns wall time, the wait in it, and CPU time of all threads."""
        endpoint, arrays = self._runs[message["request"] % len(self._runs)]
        begun = self._wait.begin()
        cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
        endpoint.run(*arrays)
        wall_ns, cpu_ns = time.perf_counter_ns() - wall_ns, time.process_time_ns() - cpu_ns
        waited_ns = min(self._wait.since(begun), wall_ns)
        return {"wall_ms": wall_ns / 1e6, "cpu_ms": cpu_ns / 1e6, "waited_ms": waited_ns / 1e6}

    def _trace(self, message: Message) -> dict[str, Any]:
        """Run one recorded request twice, with and without tracing, in the order that is asked for."""
        endpoint, arrays = self._runs[message["request"]]
        traced_ms = self._tracer.run(endpoint, arrays, Path(message["file"])) if message["traced_first"] else 0.0
        plain = self._execute(message)
        return {**plain, "traced_ms": traced_ms or self._tracer.run(endpoint, arrays, Path(message["file"]))}

    def _graph(self, message: Message) -> dict[str, Any]:
        """Write the optimised graph of the most frequent signature and outputs, and return its requests."""
        tensors = Counter(endpoint.tensors for endpoint, _ in self._runs).most_common(1)[0][0]
        mine = [number for number, (endpoint, _) in enumerate(self._runs) if endpoint.tensors == tensors]
        endpoint, arrays = self._runs[mine[0]]
        self._tracer.write_graph(endpoint, arrays, Path(message["file"]))
        names = {"inputs": endpoint.inputs, "outputs": endpoint.outputs}
        return {**names, "requests": mine[:_MOST_NAMED], "left_out": len(self._runs) - len(mine)}


def _decoded(served: ServedModel, file: Path) -> inference.Feeds:
    message, feeds = inference.FEEDS[file.name.split(".")[1]]
    return feeds(served, message.FromString(file.read_bytes()))
