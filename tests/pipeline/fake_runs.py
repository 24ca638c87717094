"""Whole runs on fakes: no process, no TensorFlow, and only the test's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np

from perfgate.cli.interrupts import Interrupts
from perfgate.experiment.fake import fake_world
from perfgate.experiment.world import World
from perfgate.loadgen.fake import FakeDriver
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.model.digest import digest
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.observe.fake import FakeProcessAccounts
from perfgate.pipeline.comparison import comparison_of
from perfgate.pipeline.job import Job
from perfgate.pipeline.prepare import prepare
from perfgate.pipeline.run import run
from perfgate.results.progress import Progress, RecordingProgress
from perfgate.results.result import Result
from perfgate.scenario.schema import Budget, Scenario
from perfgate.serving.fake import FakeLauncher
from perfgate.serving.interface import Replica
from perfgate.trials import Arm, Call, Requests, Subject

SIGNATURE = Signature("serving_default", "tensorflow/serving/predict", (TensorSpec("x", "float32", (None, 4)),), ())
EXECUTE_MS = {"old": 2.0, "same": 2.0, "slow": 2.4}
SCENARIO = Scenario(budget=Budget(measure_s=20, replicas=4, execute_share=0.7, request_share=0.2))


@dataclass
class Tick:
    """A clock that advances by 2 ms at each reading, and can end the run."""

    now_s: float = 0.0
    interrupt_at_s: float = float("inf")

    def __call__(self) -> float:
        self.now_s += 2e-3
        if self.now_s > self.interrupt_at_s:
            self.interrupt_at_s = float("inf")
            raise KeyboardInterrupt
        return self.now_s


@dataclass(slots=True)
class TimedDriver(FakeDriver):
    """Advances the run's clock with its own virtual time."""

    clock: Tick = field(default_factory=Tick)

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        began_s = self.now_s
        requests = FakeDriver.drive(self, calls, load, first_call)
        self.clock.now_s += self.now_s - began_s
        return requests


def _luck(pid: int) -> float:
    """Return a server's difference from others of its model: values without spread prove little with few servers."""
    return float(np.random.default_rng(pid).normal(0, 0.003))


@dataclass
class Bench:
    """A fake world, and a record of its use."""

    clock: Tick = field(default_factory=Tick)
    dies_after: int | None = None
    models: ClassVar[Path]
    parents: list[FakeLauncher] = field(default_factory=list)
    drivers: list[FakeDriver] = field(default_factory=list)
    progress: RecordingProgress = field(default_factory=RecordingProgress)
    interrupts: Interrupts = field(default_factory=Interrupts)

    def _parent(self, number: int) -> FakeLauncher:
        self.parents.append(FakeLauncher(number, EXECUTE_MS, self.dies_after))
        return self.parents[-1]

    def _driver(self, server: Replica, deadline_s: float) -> FakeDriver:
        pid = int(server.address.removeprefix("fake:"))
        parent, replica = divmod(pid, 1000)
        mean_ms = self.parents[parent - 1].replicas[replica].mean_ms
        self.drivers.append(TimedDriver((mean_ms * (1 + _luck(pid)),), clock=self.clock))
        self.drivers[-1].deadline_s = deadline_s
        return self.drivers[-1]

    def world(self) -> World:
        def observer(subject: Subject) -> FakeProcessAccounts:
            return FakeProcessAccounts(lambda: self.clock.now_s, 300.0 * (1 + _luck(subject.pid or 0)))

        return fake_world(
            launcher=self._parent,
            driver=self._driver,
            observer=observer,
            clock=self.clock,
            threads=lambda subject: {"rpc": 2.0 * self.clock.now_s, "tf": 6.0 * self.clock.now_s + (subject.pid or 0)},
            available_mib=lambda: 24_000.0,
        )

    def measure(self, job: Job, world: World | None = None, progress: Progress | None = None) -> Result:
        return run(job, world or self.world(), progress or self.progress, self.interrupts)

    def run(self, out: Path, *names: str, scenario: Scenario = SCENARIO, stops_early: bool = True) -> Result:
        arms = (Arm.BASELINE, Arm.CANDIDATE)[-len(names) :]
        models = {arm: model_of(name, self.models) for arm, name in zip(arms, names, strict=True)}
        return self.measure(replace(job_of(models, out, scenario), stops_early=stops_early))

    def everything_stopped(self) -> bool:
        return all(parent.stopped for parent in self.parents) and all(driver.closed for driver in self.drivers)


def job_of(models: Mapping[Arm, Model], out: Path, scenario: Scenario = SCENARIO) -> Job:
    return Job(
        prepared=prepare(comparison_of(scenario, models), cpus=()),
        run_id="run-1",
        command=("perfgate", "compare", *(model.path.name for model in models.values())),
        seed=5,
        out=out,
        created=datetime(2030, 1, 2, tzinfo=UTC),
        environment={"cpu_model": "fake", "cores": 2.0},
    )


def model_of(name: str, root: Path, signature: Signature = SIGNATURE) -> Model:
    path = root / "models" / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "saved_model.pb").write_text(name)
    return Model(path, name, 1, digest(path), 1 << 20, ("serve",), (signature,), ())
