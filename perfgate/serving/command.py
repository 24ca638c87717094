"""Target `command`: any command line that starts a server, each replica under its own supervisor."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from perfgate.errors import InvalidRunError, UsageError, how_it_ended
from perfgate.formatting import duration
from perfgate.scenario.schema import Target
from perfgate.serving import ports
from perfgate.serving.external import ForeignReplica
from perfgate.serving.fields import fields_in, fill, split
from perfgate.serving.interface import ReplicaSpec
from perfgate.serving.pid_file import PidFile
from perfgate.serving.probe import Peer
from perfgate.serving.readiness import Readiness, ReadinessState, readiness
from perfgate.serving.reasons import why
from perfgate.serving.supervised import ProcessStatus, Supervised
from perfgate.serving.supervisor import process
from perfgate.trials import Subject

_TRIES = 5
_GRACE_S = 5.0
_POLL_S = 0.02
_QUESTION_S = 2.0
_NO_SUCH_MODEL_S = 5.0
"""How long a server may report an unknown model: some load it after they begin to answer."""
_PORTS = ("port", "rest_port")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A validated command."""

    words: tuple[str, ...]
    """The words of the command, fields not yet filled in."""
    used: frozenset[str]
    """Fields used in the command or the environment."""


def check_command(target: Target) -> CommandLine:
    """Split the command and check every field that the target uses; UsageError before anything is started."""
    command = split(target.command or "", "target.command")
    used = set().union(*(fields_in(word, "target.command") for word in command))
    for name, value in target.environment.items():
        used |= fields_in(value, f"target.environment.{name}")
    for key in ("pid_file", "cgroup", "prometheus_url"):
        fields_in(getattr(target, key) or "", f"target.{key}")
    needed = "port" if target.protocol == "grpc" else "rest_port"
    if needed not in used:
        raise UsageError(
            f"target.command does not set the port for {target.protocol}",
            f"pass {{{needed}}} to the server, in target.command or target.environment",
        )
    return CommandLine(command, frozenset(used))


class _PortTakenError(Exception):
    """Another process listens on a port that was free when it was chosen."""


class CommandReplica(ForeignReplica):
    """A server started by a command."""

    def __init__(
        self,
        spec: ReplicaSpec,
        target: Target,
        command: CommandLine,
        supervised: Supervised,
        values: Mapping[str, str],
    ) -> None:
        self._spec, self._target, self._command = spec, target, command
        self._supervised, self._values = supervised, values
        self._pid, self._load_time_s = 0, 0.0
        self._address, self._rest_address = (
            f"{spec.host}:{values[field]}" if field in command.used else "" for field in _PORTS
        )

    @property
    def pid(self) -> int:
        """The server's process, or that of a script which started it and waits for it."""
        return self._pid

    @property
    def subject(self) -> Subject:
        """All processes started by the command, or those that the scenario names instead."""
        cgroup = self._filled("cgroup")
        return Subject(
            self._pid, tree=True, cgroup=Path(cgroup) if cgroup else None, prometheus_url=self._filled("prometheus_url")
        )

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service, if the command takes a {port}."""
        return self._address

    @property
    def rest_address(self) -> str:
        """`host:port` of the REST service, if the command takes a {rest_port}."""
        return self._rest_address

    @property
    def load_time_s(self) -> float:
        """From the start of the process until it first reported that it serves the model."""
        return self._load_time_s

    def ensure_alive(self) -> None:
        """Raise InvalidRunError if the server is gone, or nothing listens any more."""
        for _ in range(3):  # a killed process takes a moment to close its files
            status = self._supervised.status()
            if self._pid not in status.alive:
                how = how_it_ended(status.exits.get(self._pid))
                raise self._invalid(f"(process {self._pid}) died: {how}")
            time.sleep(_POLL_S)
        if why := ports.answers(self._own_address):
            raise self._invalid(f"(process {self._pid}) is running, but nothing answers at {self._own_address}: {why}")

    def start(self) -> None:
        """Start the command and wait until it serves the model; InvalidRunError if it does not."""
        named = PidFile(Path(file) if (file := self._filled("pid_file")) else None)
        words = [fill(word, self._values, "target.command") for word in self._command.words]
        main, began_s = self._supervised.start(words, Path(self._values["model"]).parent)
        end_s, unknown_since_s = began_s + self._target.ready_s, None
        said = Readiness(ReadinessState.NOT_YET, "no answer yet")
        while (now_s := time.monotonic()) < end_s and said.state is not ReadinessState.FAILED:
            status = self._alive_or_raise(main, named)
            said = self._ask(said)
            if said.state is ReadinessState.READY and (pid := self._server(main, status, named)):
                self._pid, self._load_time_s = pid, time.monotonic() - began_s
                return self._ensure_ours()
            unknown_since_s = (unknown_since_s or now_s) if said.state is ReadinessState.NO_SUCH_MODEL else None
            if unknown_since_s and now_s - unknown_since_s > _NO_SUCH_MODEL_S:
                break
            time.sleep(_POLL_S)
        raise self._not_ready(said)

    def _not_ready(self, said: Readiness) -> InvalidRunError:
        words = why(said.words)
        if said.state is ReadinessState.FAILED:
            return self._invalid(f"could not load the model: {words}")
        if said.state is ReadinessState.NO_SUCH_MODEL:
            return self._invalid(f"does not serve {self._spec.model_name}: {words}", "check target.model_name")
        if said.state is ReadinessState.READY:
            words = f"{self._filled('pid_file')} does not contain a process that it started"
        return self._invalid(f"was not ready within {duration(self._target.ready_s)}: {words}", "raise target.ready_s")

    def _alive_or_raise(self, main: int, named: PidFile) -> ProcessStatus:
        """Check that the command's server is alive, or may still appear, and did not fail."""
        status = self._supervised.status()
        code = status.exits.get(main)
        if code is None or (code == 0 and (status.alive or named.awaited())):
            return status
        own_ports = [int(self._values[each]) for each in _PORTS if each in self._command.used]
        if not all(ports.is_free(self._spec.host, port) for port in own_ports):
            raise _PortTakenError
        how = how_it_ended(code or status.exits.get(named.written() or main))
        raise self._invalid(f"ended before it was ready: {how}: {self._supervised.last_words()}")

    def _ask(self, before: Readiness) -> Readiness:
        """Ask in the requests' protocol first, then in the other one if the command has both."""
        if ports.answers(self._own_address, _QUESTION_S):
            return before
        places: tuple[tuple[Literal["grpc", "rest"], str], ...] = (
            ("grpc", self._address),
            ("rest", self._rest_address),
        )
        metadata = tuple(sorted(self._target.metadata.items()))
        peers = [Peer(which, at, self._spec.model_name, metadata=metadata) for which, at in places if at]
        peers.sort(key=lambda peer: peer.protocol != self._target.protocol)
        said = [readiness(peer, _QUESTION_S) for peer in peers]
        return next((each for each in said if each.state is ReadinessState.READY), said[0])

    def _server(self, main: int, status: ProcessStatus, named: PidFile) -> int | None:
        """Find the server's process: that of the pid file, the command, or the one it left behind; None: not yet."""
        if named.file is not None:
            pid = named.running()
            if pid is not None and pid not in status.alive:
                self._supervised.adopt(pid)
            return pid
        if main in status.alive:
            return main
        parents = {pid: found[1] for pid in status.alive if (found := process(pid))}
        left = [pid for pid, parent in parents.items() if parent not in parents]
        if len(left) == 1:
            return left[0]
        raise self._invalid(
            f"left {len(left)} processes running when its command ended",
            "set the server's process with target.pid_file",
        )

    def _ensure_ours(self) -> None:
        """Check that the answer came from this command's server, not from one that took its port before."""
        if not (self._target.pid_file or self._target.cgroup):
            port = int(self._own_address.rpartition(":")[2])
            if ports.is_anothers(port, self._supervised.status().alive):
                raise _PortTakenError

    @property
    def _own_address(self) -> str:
        return self._address if self._target.protocol == "grpc" else self._rest_address

    def _filled(self, key: str) -> str:
        return fill(getattr(self._target, key) or "", self._values, f"target.{key}")

    def _invalid(self, problem: str, remedy: str = "") -> InvalidRunError:
        log = f"see {self._supervised.log}"
        return InvalidRunError(f"{self._spec.label} {problem}", f"{remedy}; {log}" if remedy else log)


class CommandLauncher:
    """Starts a command line for each replica; output of the servers is appended to the log file."""

    def __init__(self, target: Target, environ: Mapping[str, str], log: Path, cpus: Collection[int] = ()) -> None:
        """Check the command; servers run on the scenario's `server.cpus`, by default on the given CPUs."""
        self._command = check_command(target)
        self._target, self._environ, self._log, self._cpus = target, environ, log, cpus
        self._started: list[Supervised] = []
        self._bases = Path()

    def start(self, spec: ReplicaSpec) -> CommandReplica:
        """Start the command on free ports and wait until it serves the model; InvalidRunError if it does not."""
        for _ in range(_TRIES):
            values = self._values(spec)
            environ = {
                **self._environ,
                **{
                    name: fill(text, values, f"target.environment.{name}")
                    for name, text in self._target.environment.items()
                },
            }
            supervised = Supervised(environ, self._log, spec.settings.cpus or self._cpus)
            self._started.append(supervised)
            replica = CommandReplica(spec, self._target, self._command, supervised, values)
            try:
                replica.start()
            except _PortTakenError:
                supervised.stop(_GRACE_S)
                continue
            return replica
        raise InvalidRunError(
            f"{spec.label}: its ports were taken by other processes {_TRIES} times",
            "check for another run on this machine",
        )

    def stop(self) -> None:
        """End all processes of all commands at once: SIGTERM, then SIGKILL."""
        started, self._started = self._started, []
        if started:
            with ThreadPoolExecutor(len(started)) as pool:
                list(pool.map(lambda supervised: supervised.stop(_GRACE_S), started))
        if self._bases != Path():
            shutil.rmtree(self._bases, ignore_errors=True)
            self._bases = Path()

    def _values(self, spec: ReplicaSpec) -> dict[str, str]:
        port, rest_port = ports.free_ports(spec.host, 2)
        return {
            "host": spec.host,
            "port": str(port),
            "rest_port": str(rest_port),
            "model": str(self._base(spec)),
            "saved_model": str(spec.model_path),
            "name": spec.model_name,
            "version": str(spec.version),
        }

    def _base(self, spec: ReplicaSpec) -> Path:
        """Make the directory that TF-Serving expects: one version below it, a link to the SavedModel."""
        if self._bases == Path():
            self._bases = Path(tempfile.mkdtemp(prefix="perfgate-models-"))
        for base in self._bases.iterdir():
            if (link := base / str(spec.version)).is_symlink() and link.readlink() == spec.model_path:
                return base
        base = Path(tempfile.mkdtemp(dir=self._bases))
        (base / str(spec.version)).symlink_to(spec.model_path, target_is_directory=True)
        return base
