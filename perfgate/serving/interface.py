"""What the experiment asks of a live server, whoever started it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perfgate.scenario.schema import Server
from perfgate.trials import Subject


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """What one server process serves, and with which settings."""

    label: str
    """For messages: `candidate replica 3`."""
    model_path: Path
    tags: tuple[str, ...]
    signature: str
    settings: Server
    requests_dir: Path | None = None
    """Serialised requests `0.Predict.pb`, `1.Classify.pb` … for depth `execute`."""
    model_name: str = "default"
    version: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    rest_port: int | None = None
    """None: no REST; 0: any free port."""
    labels: tuple[tuple[str, int], ...] = ()
    """Version labels that requests may use in place of a number."""
    layout: tuple[int, int] | None = None
    """The run's seed and the replica's number, by which a forked server draws its memory layout; None: as it comes."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution that the replica ran and timed itself."""

    wall_ms: float
    cpu_ms: float
    """CPU time of the whole process, all threads."""
    waited_ms: float = 0.0
    """Of the wall time, what the thread that executed was ready to run and other work had the CPUs; 0 if not known."""


class Replica(Protocol):
    """One live server process."""

    @property
    def pid(self) -> int | None:
        """The server's process, its first one where it has several; None where that is not known."""

    @property
    def subject(self) -> Subject:
        """Whose CPU time and memory are this server's."""

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service; empty where there is none."""

    @property
    def rest_address(self) -> str:
        """`host:port` of the REST service; empty where there is none."""

    @property
    def load_time_s(self) -> float:
        """From the start of the process to a server that answers; NaN where it was running before."""

    @property
    def replayed(self) -> int:
        """Recorded warm-up requests of the model that were replayed while it loaded."""

    @property
    def substituted(self) -> str:
        """Why another server than the usual one answers, in one line; empty where the usual one does."""

    @property
    def executes(self) -> bool:
        """Whether there is a depth `execute`."""

    def execute(self, request: int) -> Execution:
        """Run the recorded request of that number inside the replica; InvalidRunError when the replica is gone."""

    def waited_ms(self) -> float:
        """Return how long the thread that answered the last request was ready to run and other work had the CPUs.

        Over gRPC, one request in flight; 0 where it is not known.
        """

    def ensure_alive(self) -> None:
        """Raise InvalidRunError, saying how it ended, when the process is gone."""


class Launcher(Protocol):
    """Starts the replicas of one kind of target: a fork server, a command line, the addresses of an endpoint."""

    def start(self, spec: ReplicaSpec) -> Replica:
        """Start one replica and wait until it answers; InvalidRunError when it does not."""

    def stop(self) -> None:
        """End every process that was started here, and nothing else; calling it twice does no harm."""
