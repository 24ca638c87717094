"""Servers without processes: a test sets their execution times, and a seed determines their variation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from perfgate.errors import InvalidRunError
from perfgate.serving.interface import Execution, ReplicaSpec
from perfgate.trials import Subject


@dataclass(slots=True)
class FakeReplica:
    """Executes in `mean_ms` times a constant of its own times log-normal noise."""

    pid: int
    mean_ms: float
    rng: np.random.Generator
    dies_after: int | None = None
    """Executions until it dies; None: it never does."""
    load_time_s: float = 0.1
    substituted: str = ""
    executions: int = 0
    _own: float = field(init=False)

    def __post_init__(self) -> None:
        """Draw the replica's constant: processes of one model differ by about 1% (docs/explanation/method.md)."""
        self._own = float(np.exp(self.rng.normal(0, 0.005)))

    @property
    def subject(self) -> Subject:
        """A process that does not exist."""
        return Subject(self.pid)

    @property
    def rest_address(self) -> str:
        """No REST."""
        return ""

    @property
    def replayed(self) -> int:
        """No warm-up assets."""
        return 0

    @property
    def executes(self) -> bool:
        """Depth `execute` is available."""
        return True

    @property
    def address(self) -> str:
        """A label."""
        return f"fake:{self.pid}"

    def execute(self, request: int) -> Execution:  # noqa: ARG002 - every request costs the same here
        """Draw an execution time."""
        self.ensure_alive()
        self.executions += 1
        wall_ms = self.mean_ms * self._own * float(np.exp(self.rng.normal(0, 0.03)))
        return Execution(wall_ms, 0.95 * wall_ms)

    def waited_ms(self) -> float:
        """Nothing waits."""
        return 0.0

    def ensure_alive(self) -> None:
        """Raise after `dies_after` executions."""
        if self.dies_after is not None and self.executions >= self.dies_after:
            problem = f"server (process {self.pid}) died: killed by SIGKILL"
            raise InvalidRunError(problem, "if it ran out of memory, use fewer --replicas")


@dataclass(slots=True)
class FakeLauncher:
    """Starts fake replicas; the name of the model's directory determines the execution time."""

    number: int
    mean_ms: Mapping[str, float]
    dies_after: int | None = None
    seed: int = 0
    replicas: list[FakeReplica] = field(default_factory=list)
    stopped: bool = False

    def start(self, spec: ReplicaSpec) -> FakeReplica:
        """Start one; InvalidRunError for an unknown model."""
        if spec.model_path.name not in self.mean_ms:
            problem = f"{spec.label}: {spec.model_path} does not load: broken"
            raise InvalidRunError(problem, "export it again")
        pid = 1000 * (self.number + 1) + len(self.replicas)
        rng = np.random.default_rng((self.seed, pid))
        replica = FakeReplica(pid, self.mean_ms[spec.model_path.name], rng, self.dies_after)
        self.replicas.append(replica)
        return replica

    def stop(self) -> None:
        """Record that it was stopped."""
        self.stopped = True
