"""The interface of a live server, however it was started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from perfgate.scenario.schema import Server
from perfgate.trials import Subject


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """What one server process serves, and with which settings."""

    label: str
    """Name for messages: `candidate replica 3`."""
    model_path: Path
    tags: tuple[str, ...]
    signature: str
    settings: Server
    requests_dir: Path | None = None
    """Directory of serialised requests `0.Predict.pb`, `1.Classify.pb` … for depth `execute`."""
    model_name: str = "default"
    version: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    rest_port: int | None = None
    """None: no REST; 0: any free port."""
    labels: tuple[tuple[str, int], ...] = ()
    """Version labels that requests may use instead of a number."""
    layout: tuple[int, int] | None = None
    """The run's seed and the replica's number, which fix a forked server's memory layout; None: not randomised."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution that the replica ran and timed itself."""

    wall_ms: float
    cpu_ms: float
    """CPU time of the whole process, all threads."""
    waited_ms: float = 0.0
    """Part of the wall time in which the executing thread was ready to run but had no CPU; 0 if unknown."""


@dataclass(frozen=True, slots=True)
class TracedExecution:
    """One recorded request executed twice: with each operation timed, and without."""

    plain: Execution
    traced_ms: float
    """Wall time of the traced execution."""


@dataclass(frozen=True, slots=True)
class TracedGraph:
    """Which recorded requests can be traced together: those with the same inputs and outputs in the graph."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    requests: tuple[int, ...]
    left_out: int
    """Recorded requests with other inputs or outputs."""


class Replica(Protocol):
    """One live server process."""

    @property
    def pid(self) -> int | None:
        """The server's process, the first one if there are several; None if unknown."""

    @property
    def subject(self) -> Subject:
        """Processes whose CPU time and memory are this server's."""

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service; empty if there is none."""

    @property
    def rest_address(self) -> str:
        """`host:port` of the REST service; empty if there is none."""

    @property
    def load_time_s(self) -> float:
        """From the start of the process until the server answers; NaN if it was already running."""

    @property
    def replayed(self) -> int:
        """Recorded warm-up requests of the model that were replayed while it loaded."""

    @property
    def substituted(self) -> str:
        """Why a fallback server is used, in one line; empty if the usual one is."""

    @property
    def executes(self) -> bool:
        """Whether depth `execute` is available."""

    def execute(self, request: int) -> Execution:
        """Execute the recorded request of that number inside the replica; InvalidRunError if the replica is gone."""

    def waited_ms(self) -> float:
        """Return how long the thread that answered the last request was ready to run but had no CPU.

        Over gRPC, with one request in flight; 0 if unknown.
        """

    def ensure_alive(self) -> None:
        """Raise InvalidRunError, with how it ended, if the process is gone."""


@runtime_checkable
class Traceable(Protocol):
    """A replica that can time each operation of an execution."""

    def write_graph(self, file: Path) -> TracedGraph:
        """Write the graph as TensorFlow optimised it, with one traced execution (`RunMetadata`), into a file."""

    def trace(self, request: int, file: Path, *, traced_first: bool) -> TracedExecution:
        """Execute a recorded request with and without tracing, and write the times of its operations into a file."""


class Launcher(Protocol):
    """Starts the replicas of one kind of target: a fork server, a command line, the addresses of an endpoint."""

    def start(self, spec: ReplicaSpec) -> Replica:
        """Start one replica and wait until it answers; InvalidRunError if it does not."""

    def stop(self) -> None:
        """End every process that was started here, and no other; idempotent."""
