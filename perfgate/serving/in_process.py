"""Target `in_process`, perfgate's side: forked processes that have the model and are asked to call it themselves."""

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
from perfgate.serving.interface import Execution, ReplicaSpec
from perfgate.trials import Call, Method, Subject

PROGRAM = "perfgate.server.in_process_replica"
HEAD = struct.Struct("<BQ")
"""Before each call's body in the file of calls: its method's number in `Method`, and its length."""
_METHODS = tuple(Method)
_CALLS, _ANSWER = "calls.bin", "answer.bin"


class InProcessReplica:
    """A process that has the model, and no server."""

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
        """That process: the loop that calls the model is part of it."""
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
        """From the fork to a model that can be called."""
        return self._process.load_time_s

    @property
    def replayed(self) -> int:
        """Recorded warm-up requests that were replayed."""
        return self._process.replayed

    def waited_ms(self) -> float:
        """Nobody tells."""
        return 0.0

    @property
    def substituted(self) -> str:
        """There is no server."""
        return ""

    @property
    def executes(self) -> bool:
        """There is a depth `execute`."""
        return True

    def execute(self, request: int) -> Execution:
        """Run a recorded request."""
        return self._process.execute(request)

    def ensure_alive(self) -> None:
        """Raise InvalidRunError when the process is gone."""
        self._process.ensure_alive()

    @property
    def scratch(self) -> Path:
        """Directory for what is too large for a message, or must not pass through one."""
        return self._scratch

    @property
    def callers(self) -> int:
        """How many calls of an open loop may be under way at a time: as many as the embedded server takes in."""
        return self._callers

    def prepare(self, calls: Sequence[Call]) -> None:
        """Have these calls decoded, unless the last ones were the same; InvalidRunError when one does not fit."""
        if (wanted := tuple(calls)) != self._prepared:
            self._prepared = ()
            self._ask({"op": "prepare", "calls": self._written(wanted)})
            self._prepared = wanted

    def run_loop(self, loop: Callable[..., None], arguments: Mapping[str, Any]) -> None:
        """Have a module's function run there over the prepared calls; it goes by name, for the process is another."""
        name = f"{loop.__module__}:{loop.__qualname__}"
        self._ask({"op": "loop", "loop": name, "scratch": str(self._scratch), "arguments": dict(arguments)})

    def call(self, call: Call) -> tuple[int, str, bytes]:
        """Make one call; gRPC status, message, and the serialised answer."""
        file = self._scratch / _ANSWER
        said = self._process.ask({"op": "call", "calls": self._written((call,)), "answer": str(file)})
        return said["status"], said["message"], b"" if said["status"] else file.read_bytes()

    def _ask(self, message: Message) -> None:
        if "error" in (said := self._process.ask(message)):
            problem = f"{self._label} cannot make the calls: {said['error']}"
            raise InvalidRunError(problem, "check [payload] against the model with `perfgate inspect`")

    def _written(self, calls: Sequence[Call]) -> str:
        """Put the calls into a file of the scratch directory, one after the other."""
        with (self._scratch / _CALLS).open("wb") as file:
            for call in calls:
                file.write(HEAD.pack(_METHODS.index(call.method), len(call.body)) + call.body)
        return file.name


class InProcessLauncher:
    """A fork server whose replicas have the model and serve nobody."""

    def __init__(
        self, environ: Mapping[str, str], log: Path | None, *, huge_pages: bool, cpus: Collection[int] = ()
    ) -> None:
        """Start the parent; see `EmbeddedForkServer`."""
        self._scratch = Path(tempfile.mkdtemp(prefix="perfgate-in-process-"))
        self._parent = EmbeddedForkServer(environ, log, huge_pages=huge_pages, cpus=cpus, program=PROGRAM, rest=False)

    def log_to(self, log: Path) -> None:
        """Name the log file of a parent that was made without one."""
        self._parent.log_to(log)

    def start(self, spec: ReplicaSpec) -> InProcessReplica:
        """Fork a process and wait until it has the model; InvalidRunError when that does not load."""
        process = self._parent.start(spec)
        return InProcessReplica(spec.label, process, Path(tempfile.mkdtemp(dir=self._scratch)))

    def stop(self) -> None:
        """End the parent and all that came from it."""
        self._parent.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)
