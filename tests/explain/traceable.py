"""Fake servers that can be traced: they run invented models, and only a test's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from perfgate.errors import InvalidRunError
from perfgate.experiment.lanes import Bench
from perfgate.experiment.plan import Plan, make_plan
from perfgate.experiment.servers import LiveReplica
from perfgate.loadgen.fake import FakeDriver
from perfgate.observe.fake import FakeMachineAccounts, FakeProcessAccounts
from perfgate.scenario.schema import Scenario
from perfgate.serving.fake import FakeReplica
from perfgate.serving.interface import Execution, TracedExecution, TracedGraph
from perfgate.trials import Arm, Call
from tests.explain.measured import OUTSIDE_MS, TRACING, Version, run_metadata


@dataclass
class Clock:
    """A clock that only executions advance."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(slots=True)
class FakeTraced(FakeReplica):
    """Executes a model, each time exactly as long, and records what it was asked for."""

    version: Version = field(default_factory=lambda: Version([]))
    clock: Clock = field(default_factory=Clock)
    requests: tuple[int, ...] = (0, 1, 2)
    """Those that can be traced together, of four."""
    log: list[tuple[int, int, bool]] = field(default_factory=list)
    """Process, request, and whether it was traced first; shared by the servers of a test."""
    breaks: str = ""
    """Why it cannot be traced."""
    steps: bytes = b""
    """What each traced execution writes; written once."""
    varies: bool = False
    """Whether servers of a model differ, as processes do."""

    def write_graph(self, file: Path) -> TracedGraph:
        if self.breaks:
            raise InvalidRunError(self.breaks, "mend it")
        executed = self.version.executed()
        file.write_bytes(executed.run_metadata)
        return replace(executed.found, requests=self.requests, left_out=4 - len(self.requests))

    def trace(self, request: int, file: Path, *, traced_first: bool) -> TracedExecution:
        self.ensure_alive()
        self.executions += 1
        self.log.append((self.pid, request, traced_first))
        factor = self._own if self.varies else 1.0
        own_ms = self.version.whole_ms() * factor + OUTSIDE_MS
        self.clock.now_s += own_ms * (1 + TRACING) / 1e3
        self.steps = self.steps or run_metadata(self.version.execution(factor))
        file.write_bytes(self.steps)
        return TracedExecution(Execution(own_ms + 0.02, own_ms, waited_ms=0.02), own_ms * TRACING)


def plan_of(replicas: int, seed: int = 3) -> Plan:
    return make_plan(Scenario(), tuple(Arm), seed=seed, replicas=replicas)


def bench_of(plan: Plan, clock: Clock, began_s: float = 0.0) -> Bench:
    return Bench(plan, FakeMachineAccounts(), clock, np.random.default_rng(plan.seed), began_s)


def live_replicas(plan: Plan, versions: Mapping[Arm, Version], clock: Clock) -> tuple[LiveReplica, ...]:
    """Start a fake server in each slot, numbered by their order; all of them share one log."""
    log: list[tuple[int, int, bool]] = []

    def server(number: int, arm: Arm) -> FakeTraced:
        return FakeTraced(number, 1.0, np.random.default_rng(number), version=versions[arm], clock=clock, log=log)

    return tuple(
        LiveReplica(
            slot,
            server(number, slot.arm),
            FakeDriver(),
            FakeProcessAccounts(clock),
            (Call(b"a"), Call(b"b"), Call(b"c"), Call(b"d")),
            (0, 1, 2, 3),
            9.0,
        )
        for number, slot in enumerate(plan.slots)
    )


def servers(replicas: Sequence[LiveReplica], arm: Arm | None = None) -> list[FakeTraced]:
    found = [live.server for live in replicas if arm in {None, live.slot.arm}]
    return [each for each in found if isinstance(each, FakeTraced)]
