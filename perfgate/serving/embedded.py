"""perfgate's side of the embedded servers: starts fork servers, requests replicas from them, talks to both."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

from perfgate.errors import InvalidRunError, how_it_ended
from perfgate.scenario.batching_file import batching_of
from perfgate.serving.channel import Channel, ChannelClosedError, Message
from perfgate.serving.interface import Execution, ReplicaSpec, TracedExecution, TracedGraph
from perfgate.trials import Subject

_IMPORT_TIMEOUT_S = 180.0
_LOAD_TIMEOUT_S = 600.0
_REST = "perfgate.server.rest.server"
_REPLY_TIMEOUT_S = 600.0


def server_environment(environ: Mapping[str, str], *, huge_pages: bool) -> dict[str, str]:
    """Environment of the server processes, set before they start.

    Huge pages for malloc remove most of the difference between processes of one model (docs/explanation/method.md).
    """
    tunables = [environ["GLIBC_TUNABLES"]] if "GLIBC_TUNABLES" in environ else []
    tunables += ["glibc.malloc.hugetlb=1"] if huge_pages else []
    settings = {
        "GLIBC_TUNABLES": ":".join(tunables),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "GRPC_ENABLE_FORK_SUPPORT": "0",  # nothing of gRPC exists yet when processes are forked
        "PYTHONHASHSEED": "0",  # the same layout of string-keyed dicts in all replicas
        "TF_USE_LEGACY_KERAS": "1",  # otherwise TensorFlow imports Keras 3 and pandas, a fifth of its time, unused
    }
    return {**environ, **settings}


class EmbeddedReplica:
    """A live forked server."""

    def __init__(
        self, spec: ReplicaSpec, channel: Channel, parent: EmbeddedForkServer, pid: int, ready: Message
    ) -> None:
        self._spec, self._channel, self._parent = spec, channel, parent
        self._pid = pid
        self._port: int = ready["port"]
        self._rest_port: int | None = ready.get("rest_port")
        self._load_time_s: float = ready["load_time_s"]
        self._replayed: int = ready.get("replayed", 0)
        self._substituted: str = ready.get("substituted", "")

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._pid

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service."""
        return f"{self._spec.host}:{self._port}"

    @property
    def subject(self) -> Subject:
        """The server is this single process."""
        return Subject(self._pid)

    @property
    def rest_address(self) -> str:
        """`host:port` of the REST service; empty if there is none."""
        return "" if self._rest_port is None else f"{self._spec.host}:{self._rest_port}"

    @property
    def replayed(self) -> int:
        """Recorded warm-up requests of the model that were replayed while it loaded."""
        return self._replayed

    @property
    def substituted(self) -> str:
        """Why `grpc.server` runs instead of the server over nghttp2."""
        return self._substituted

    @property
    def executes(self) -> bool:
        """Depth `execute` is available."""
        return True

    @property
    def load_time_s(self) -> float:
        """From the fork until the server answers."""
        return self._load_time_s

    def execute(self, request: int) -> Execution:
        """Execute a recorded request inside the replica."""
        return _execution(self._run({"op": "execute", "request": request}))

    def write_graph(self, file: Path) -> TracedGraph:
        """Write the graph as it was optimised."""
        answer = self._run({"op": "graph", "file": str(file)})
        inputs, outputs, requests = (tuple(answer[name]) for name in ("inputs", "outputs", "requests"))
        return TracedGraph(inputs, outputs, requests, answer["left_out"])

    def trace(self, request: int, file: Path, *, traced_first: bool) -> TracedExecution:
        """Execute a recorded request with and without tracing."""
        answer = self._run({"op": "trace", "request": request, "file": str(file), "traced_first": traced_first})
        return TracedExecution(_execution(answer), answer["traced_ms"])

    def _run(self, message: Message) -> Message:
        """Ask for an execution; InvalidRunError if the graph does not run."""
        if "error" in (answer := self.ask(message)):
            problem = f"{self._spec.label} cannot run its payload: {answer['error']}"
            raise InvalidRunError(problem, "check [payload] against the model with `perfgate inspect`")
        return answer

    def waited_ms(self) -> float:
        """Ask the replica, over the control channel."""
        return float(self.ask({"op": "waited"})["waited_ms"])

    def ask(self, message: Message) -> Message:
        """Send a control message and wait for its answer; InvalidRunError if the replica is gone."""
        try:
            self._channel.send(message)
            return self._channel.receive(_REPLY_TIMEOUT_S)
        except (ChannelClosedError, TimeoutError) as error:
            raise self._parent.gone(self._spec, self._pid, error) from error

    def ensure_alive(self) -> None:
        """Raise InvalidRunError if the process is gone: its end of the channel is then closed."""
        try:
            self._channel.receive(timeout_s=0.05)
        except TimeoutError:
            return
        except ChannelClosedError as error:
            raise self._parent.gone(self._spec, self._pid, error) from error


class EmbeddedForkServer:
    """A parent process that has imported TensorFlow; creating one returns immediately, and its first `start` waits.

    Output of the servers goes to the log file; without one, it is kept until `log_to` names one.
    """

    def __init__(  # noqa: PLR0913 - everything in which two of them may differ
        self,
        environ: Mapping[str, str],
        log: Path | None,
        *,
        huge_pages: bool,
        cpus: Collection[int] = (),
        program: str = "perfgate.server.replica",
        rest: bool = True,
    ) -> None:
        """Start the process on the given CPUs, by default on those of this process.

        `program` is the module whose `run` each forked replica executes. Without `rest`, aiohttp is left out, a tenth
        of the import time; a replica that serves REST nevertheless imports it itself.
        """
        ours, theirs = Channel.pair()
        self._control = ours
        self._asking = threading.Lock()  # one request at a time on the control channel
        self._ready = self._kept_back = False
        self._channels: list[Channel] = []
        self._pids: list[int] = []
        given = [program, str(theirs.fileno()), str(os.getpid()), *([_REST] if rest else [])]
        command = [sys.executable, "-P", "-m", "perfgate.server.fork_server", *given]
        env = server_environment(environ, huge_pages=huge_pages)
        self._said: IO[bytes] = tempfile.TemporaryFile() if log is None else log.open("ab")  # noqa: SIM115 - stop()
        self._log = log or Path(os.devnull)
        self._process = self._spawn(command, env, theirs, self._said)
        if cpus:
            os.sched_setaffinity(self._process.pid, cpus)
        theirs.close()

    def log_to(self, log: Path) -> None:
        """Set the log file of a server that was created without one, before its first `start`."""
        self._log, self._kept_back = log, True
        with contextlib.suppress(ChannelClosedError):  # `wait_ready` reports why
            self._control.send({"op": "log", "path": str(log.absolute())})

    @staticmethod
    def _spawn(command: list[str], env: dict[str, str], theirs: Channel, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own module
            command,
            env=env,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,  # a terminal's ^C goes to perfgate only, which then stops us in order
        )

    def wait_ready(self) -> None:
        """Wait until TensorFlow is imported; InvalidRunError if that fails."""
        if self._ready:
            return
        try:
            self._control.receive(_IMPORT_TIMEOUT_S)
        except (ChannelClosedError, TimeoutError) as error:
            self._write_kept_back()
            problem = f"the server process could not start: {self._last_words()}"
            raise InvalidRunError(
                problem, f"see {self._log}; try `python -c 'import tensorflow_serving.apis'`"
            ) from error
        self._ready = True

    def start(self, spec: ReplicaSpec) -> EmbeddedReplica:
        """Fork a replica and wait until it answers; thread-safe."""
        pid, ours = self._fork(spec)
        try:
            ready = ours.receive(_LOAD_TIMEOUT_S)
        except (ChannelClosedError, TimeoutError) as error:
            raise self.gone(spec, pid, error) from error
        if "error" in ready:
            raise InvalidRunError(f"{spec.label}: {ready['error']}", ready["remedy"])
        return EmbeddedReplica(spec, ours, self, pid, ready)

    def _fork(self, spec: ReplicaSpec) -> tuple[int, Channel]:
        ours, theirs = Channel.pair()
        try:
            with self._asking:
                self._channels.append(ours)
                self.wait_ready()
                self._control.send({"op": "start", "spec": _plain(spec)}, theirs)
                pid: int = self._control.receive(_REPLY_TIMEOUT_S)["pid"]
                self._pids.append(pid)
                return pid, ours
        except (ChannelClosedError, TimeoutError) as error:
            raise InvalidRunError(f"the fork server died: {self._last_words()}", f"see {self._log}") from error
        finally:
            theirs.close()

    def gone(self, spec: ReplicaSpec, pid: int, error: Exception) -> InvalidRunError:
        """Describe how a replica ended that no longer answers."""
        if isinstance(error, TimeoutError):
            return InvalidRunError(f"{spec.label} did not answer in time", f"see {self._log}")
        how = "it ended"
        with contextlib.suppress(ChannelClosedError, TimeoutError), self._asking:
            self._control.send({"op": "reap", "pid": pid})
            code = self._control.receive(5.0)["exit"]
            how = how_it_ended(code)
        hint = "if it ran out of memory, use fewer --replicas; " if "SIGKILL" in how else ""
        return InvalidRunError(f"{spec.label} (process {pid}) died: {how}", f"{hint}see {self._log}")

    def _write_kept_back(self) -> None:
        """Write the output of a server that died before it could write it itself."""
        if self._kept_back:
            said = self._said.fileno()
            with self._log.open("ab") as log:
                log.write(os.pread(said, os.fstat(said).st_size, 0))

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else "no message"

    def end_replicas(self) -> None:
        """End all replicas, and keep the parent for others."""
        channels, self._channels = self._channels, []
        for channel in channels:
            channel.close()
        pids, self._pids = self._pids, []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            with contextlib.suppress(ChannelClosedError, TimeoutError), self._asking:
                self._control.send({"op": "reap", "pid": pid})
                self._control.receive(5.0)

    def stop(self) -> None:
        """End the parent; the kernel ends its replicas with it."""
        for channel in (self._control, *self._channels):
            channel.close()
        self._process.kill()
        self._process.wait()
        self._said.close()


def _execution(answer: Message) -> Execution:
    return Execution(answer["wall_ms"], answer["cpu_ms"], answer["waited_ms"])


def _plain(spec: ReplicaSpec) -> Message:
    message = asdict(spec)
    settings = spec.settings.model_copy(
        update={"batching": batching_of(spec.settings), "batching_parameters_file": None}
    )
    message["settings"] = settings.model_dump()
    message["model_path"] = str(spec.model_path)
    message["requests_dir"] = None if spec.requests_dir is None else str(spec.requests_dir)
    return message
