"""Target `in_process`, perfgate's side: forked processes that hold the model and call it themselves on request."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from perfgate.errors import InvalidRunError
from perfgate.serving.channel import Message
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
from perfgate.serving.interface import Execution, ReplicaSpec, TracedExecution, TracedGraph
from perfgate.trials import Call, Method, Subject

PROGRAM = "perfgate.server.in_process_replica"
HEAD = struct.Struct("<BQ")
"""Precedes each call's body in the file of calls: its method's number in `Method`, and its length."""
_METHODS = tuple(Method)
_CALLS, _ANSWER = "calls.bin", "answer.bin"


class InProcessReplica:
    """A process that holds the model, and no server."""

    def __init__(self, label: str, process: EmbeddedReplica, scratch: Path) -> None:
        self._label, self._process, self._scratch = label, process, scratch
        self._callers: int = process.ask({"op": "callers"})["callers"]
        self._prepared: tuple[Call, ...] = ()

    @property
    def pid(self) -> int:
        """The process that calls the model."""
        return self._process.pid

    @property
    def subject(self) -> Subject:
        """The process itself: the loop that calls the model runs in it."""
        return self._process.subject

    @property
    def address(self) -> str:
        """There is no gRPC service."""
        return ""

    @property
    def rest_address(self) -> str:
        """There is no REST service."""
        return ""

    @property
    def load_time_s(self) -> float:
        """From the fork until the model can be called."""
        return self._process.load_time_s

    @property
    def replayed(self) -> int:
        """Recorded warm-up requests that were replayed."""
        return self._process.replayed

    def waited_ms(self) -> float:
        """Unknown."""
        return 0.0

    @property
    def substituted(self) -> str:
        """There is no server."""
        return ""

    @property
    def executes(self) -> bool:
        """Depth `execute` is available."""
        return True

    def execute(self, request: int) -> Execution:
        """Execute a recorded request."""
        return self._process.execute(request)

    def write_graph(self, file: Path) -> TracedGraph:
        """Write the graph as it was optimised."""
        return self._process.write_graph(file)

    def trace(self, request: int, file: Path, *, traced_first: bool) -> TracedExecution:
        """Execute a recorded request with and without tracing."""
        return self._process.trace(request, file, traced_first=traced_first)

    def ensure_alive(self) -> None:
        """Raise InvalidRunError if the process is gone."""
        self._process.ensure_alive()

    @property
    def scratch(self) -> Path:
        """Directory for data that is too large for a message, or is kept out of messages."""
        return self._scratch

    @property
    def callers(self) -> int:
        """Most concurrent calls of an open loop: as many as the embedded server accepts."""
        return self._callers

    def prepare(self, calls: Sequence[Call]) -> None:
        """Have these calls decoded, unless they are the last ones; InvalidRunError if one does not fit."""
        if (wanted := tuple(calls)) != self._prepared:
            self._prepared = ()
            self._ask({"op": "prepare", "calls": self._written(wanted)})
            self._prepared = wanted

    def run_loop(self, loop: Callable[..., None], arguments: Mapping[str, Any]) -> None:
        """Run a module's function there over the prepared calls; passed by name, because it is another process."""
        name = f"{loop.__module__}:{loop.__qualname__}"
        self._ask({"op": "loop", "loop": name, "scratch": str(self._scratch), "arguments": dict(arguments)})

    def call(self, call: Call) -> tuple[int, str, bytes]:
        """Make one call; returns the gRPC status, message, and serialised response."""
        file = self._scratch / _ANSWER
        said = self._process.ask({"op": "call", "calls": self._written((call,)), "answer": str(file)})
        return said["status"], said["message"], b"" if said["status"] else file.read_bytes()

    def _ask(self, message: Message) -> None:
        if "error" in (said := self._process.ask(message)):
            problem = f"{self._label} cannot make the calls: {said['error']}"
            raise InvalidRunError(problem, "check [payload] against the model with `perfgate inspect`")

    def _written(self, calls: Sequence[Call]) -> str:
        """Write the calls into a file of the scratch directory, concatenated."""
        with (self._scratch / _CALLS).open("wb") as file:
            for call in calls:
                file.write(HEAD.pack(_METHODS.index(call.method), len(call.body)) + call.body)
        return file.name


class InProcessLauncher:
    """A fork server whose replicas hold the model and serve nobody."""

    def __init__(
        self, environ: Mapping[str, str], log: Path | None, *, huge_pages: bool, cpus: Collection[int] = ()
    ) -> None:
        """Start the parent; see `EmbeddedForkServer`."""
        self._scratch = Path(tempfile.mkdtemp(prefix="perfgate-in-process-"))
        self._parent = EmbeddedForkServer(environ, log, huge_pages=huge_pages, cpus=cpus, program=PROGRAM, rest=False)

    def log_to(self, log: Path) -> None:
        """Set the log file of a parent that was created without one."""
        self._parent.log_to(log)

    def start(self, spec: ReplicaSpec) -> InProcessReplica:
        """Fork a process and wait until it has loaded the model; InvalidRunError if that fails."""
        process = self._parent.start(spec)
        return InProcessReplica(spec.label, process, Path(tempfile.mkdtemp(dir=self._scratch)))

    def stop(self) -> None:
        """End the parent and all its replicas."""
        self._parent.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)
