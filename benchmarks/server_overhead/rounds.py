"""Rounds of executions inside a server and of requests to it, in turn."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from perfgate.experiment.setup import arm_requests, arm_setups
from perfgate.loadgen.engine import Engine, GrpcDriver, RestDriver
from perfgate.loadgen.interface import ClosedLoop
from perfgate.model.saved_model import open_model
from perfgate.observe.clock import cpu_clock_id
from perfgate.scenario.schema import Scenario
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
from perfgate.trials import Arm, Call

_HEALTH = "/grpc.health.v1.Health/Check"
_FIRST = 5  # requests before those that count, because the server has just been executing


@dataclass(frozen=True, slots=True)
class Round:
    """Medians of one round, times in ms; CPU times are means, of all threads of the server."""

    execute_ms: float
    execute_cpu_ms: float
    request_ms: float
    """Measured by the driver, from sending to the response."""
    request_cpu_ms: float
    queue_ms: float
    executed_ms: float
    """The execution within the request, as reported by the server."""
    encode_ms: float
    empty_ms: float
    """Time of a minimal request: a health check over gRPC; NaN over REST."""

    @property
    def added_ms(self) -> float:
        """The request's time minus the execution's."""
        return self.request_ms - self.execute_ms

    @property
    def added_cpu_ms(self) -> float:
        """The server's CPU time of the request minus that of the execution."""
        return self.request_cpu_ms - self.execute_cpu_ms


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over all rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Format for tables."""
        return f"{self.median:.3f} [{self.least:.3f} to {self.most:.3f}]"


class Bench:
    """One live server with its drivers."""

    def __init__(self, replica: EmbeddedReplica, calls: tuple[Call, ...], protocol: str, in_flight: int) -> None:
        self._replica, self._calls, self._in_flight = replica, calls, in_flight
        self._driver: Engine = (
            GrpcDriver(replica.address) if protocol == "grpc" else RestDriver(replica.rest_address, deadline_s=5.0)
        )
        self._empty = GrpcDriver(replica.address, method=_HEALTH) if protocol == "grpc" else None
        self._cpu_clock = cpu_clock_id(replica.pid)

    def round(self, number: int) -> Round:
        """Execute a number of times, then send as many requests."""
        executions = [self._replica.execute(index) for index in range(number)]
        self._drive(self._driver, _FIRST)
        before_ms = self._cpu_ms()
        request_ms, stages = self._drive(self._driver, number)
        request_cpu_ms = (self._cpu_ms() - before_ms) / number
        empty_ms = self._drive(self._empty, number)[0] if self._empty else float("nan")
        return Round(
            execute_ms=statistics.median(each.wall_ms for each in executions),
            execute_cpu_ms=statistics.mean(each.cpu_ms for each in executions),
            request_ms=request_ms,
            request_cpu_ms=request_cpu_ms,
            queue_ms=stages[0],
            executed_ms=stages[1],
            encode_ms=stages[2],
            empty_ms=empty_ms,
        )

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()
        if self._empty:
            self._empty.close()

    def _drive(self, driver: Engine, number: int) -> tuple[float, tuple[float, float, float]]:
        calls = (Call(b""),) if driver is self._empty else self._calls
        done = driver.drive(calls, ClosedLoop(self._in_flight, requests=number))
        if done.status.any():
            raise SystemExit(f"{int(np.count_nonzero(done.status))} of {number} requests failed")
        found = done.stages
        stages = (found.queue_ms, found.execute_ms, found.encode_ms) if found else ([np.nan],) * 3
        queue, execute, encode = (float(np.median(stage)) for stage in stages)
        return float(np.median(done.service_ms)), (queue, execute, encode)

    def _cpu_ms(self) -> float:
        return time.clock_gettime_ns(self._cpu_clock) / 1e6


@contextmanager
def bench(model: str, scenario: Scenario, protocol: str, in_flight: int) -> Iterator[Bench]:
    """Start a server of the model and record the scenario's requests for it."""
    target = scenario.target.model_copy(update={"protocol": protocol})
    scenario = scenario.model_copy(update={"target": target})
    with TemporaryDirectory() as directory:
        models = {Arm.CANDIDATE: open_model(model, Path(directory))}
        setup = arm_setups(models, arm_requests(models, scenario), scenario, Path(directory))[Arm.CANDIDATE]
        parent = EmbeddedForkServer(os.environ, Path(directory) / "log", huge_pages=scenario.server.huge_pages)
        try:
            found = Bench(parent.start(setup.spec), setup.calls, protocol, in_flight)
            yield found
            found.close()
        finally:
            parent.stop()


def spreads(rounds: list[Round]) -> dict[str, Spread]:
    """Summarise each number, and the differences."""
    rows = [asdict(each) | {"added_ms": each.added_ms, "added_cpu_ms": each.added_cpu_ms} for each in rounds]
    names = [*(field.name for field in fields(Round)), "added_ms", "added_cpu_ms"]
    return {name: _spread([row[name] for row in rows]) for name in names}


def _spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))
