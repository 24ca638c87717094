"""A thousand models on a hundred nodes, on the real scheduling code: `python -m benchmarks.fleet.scale RESULT`.

Measurements are fake: virtual seconds, some nodes that die, and each time the files of a real run, which the
coordinator reads, judges and reports. What it costs is real: the time of this process, gate by gate.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from perfgate.errors import ExitCode
from perfgate.fleet.conduct import Conductor, RoundState, Task
from perfgate.fleet.document import write
from perfgate.fleet.engine import Order
from perfgate.fleet.fake import FakeEngine, FakeNode
from perfgate.fleet.gates import FleetGate
from perfgate.fleet.judging import Levels
from perfgate.fleet.measured import Measured, Measurements
from perfgate.fleet.schema import Correction, Family, FleetFile
from perfgate.pipeline.fleet_answer import Call, answer_of
from perfgate.pipeline.fleet_opening import OpenedGate
from perfgate.pipeline.fleet_orders import result_of, state_of
from perfgate.report.html.fleet import write_fleet
from perfgate.results.result import Result

_OPEN_SHARE = 0.1
"""Share of gates that the first round leaves undecided, by the length that the fake gives them."""


@dataclass
class _Coordinator:
    """Reads results as the command does."""

    measurements: Measurements
    results: dict[tuple[str, int], Result] = field(default_factory=dict)
    done: list[Measured] = field(default_factory=list)
    lost_count: int = 0

    def begun(self, task: Task) -> None:
        """Do nothing."""

    def ended(self, measured: Measured) -> None:
        """Read the result."""
        self.done.append(measured)
        if (result := result_of(measured, self.measurements)) is not None:
            self.results[measured.gate_id, measured.round_number] = result

    def lost(self, task: Task, why: str) -> None:  # noqa: ARG002 - the interface
        """Count it."""
        self.lost_count += 1

    def waits(self, task: Task) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _World:
    """The gates and machines of one simulation; times are seconds."""

    lengths_s: dict[str, float]
    """Measuring time that each gate takes in the first round."""
    machines: list[FakeNode]
    budget_s: float
    overhead_s: float

    def is_open(self, gate_id: str) -> bool:
        """Return whether the first round leaves a gate undecided: the longest tenth of them."""
        return self.lengths_s[gate_id] > self.budget_s * (1 - 0.6 * _OPEN_SHARE)

    def seconds_of(self, order: Order) -> float:
        """Return what a measurement takes: twice the budget in the second round."""
        gate_id, round_number = order.arguments
        return self.overhead_s + (2 * self.budget_s if round_number == "2" else self.lengths_s[gate_id])


def _world(models: int, nodes: int, deaths: int, budget_s: float, overhead_s: float, seed: int) -> _World:  # noqa: PLR0913, PLR0917 - the options
    rng = np.random.default_rng(seed)
    lengths_s = {f"model-{place:04d}--s": budget_s * float(rng.uniform(0.4, 1.0)) for place in range(models)}
    machines = [FakeNode(f"node-{place:03d}", 2) for place in range(nodes)]
    for place in rng.choice(nodes, size=deaths, replace=False):
        machines[place].dies_at_s = float(rng.uniform(0, models / nodes * budget_s))
    return _World(lengths_s, machines, budget_s, overhead_s)


def _conducted(world: _World, engine: FakeEngine, coordinator: _Coordinator) -> float:
    """Measure all gates; returns the CPU time of this process, seconds."""

    def state(measured: Measured) -> RoundState:
        gate_id = measured.gate_id
        state_of(coordinator.results.get((gate_id, measured.round_number)))  # what the command computes
        return RoundState(world.is_open(gate_id), world.lengths_s[gate_id])

    def order(task: Task, directory: Path) -> Order:
        arguments = task.gate_id, str(task.round_number)
        return Order(f"{task.gate_id} {directory.name}", arguments, str(directory), {}, "", 2, inf)

    numbers = count()
    conductor = Conductor(
        engine=engine,
        measurements=coordinator.measurements,
        order_of=order,
        state_of=state,
        is_whole=lambda _: True,
        watcher=coordinator,
        clock=engine.clock,
        token=lambda: f"{next(numbers):08x}",
        deadline_s=inf,
    )
    lengths_s = world.lengths_s
    first = [Task(name, 1, "key", world.budget_s, (-lengths_s[name],)) for name in lengths_s]
    second = {name: Task(name, 2, "key", world.budget_s, (0.0,)) for name in lengths_s}
    began_s = time.process_time()
    conductor.conduct(first, second, [])
    return time.process_time() - began_s


def _published(world: _World, engine: FakeEngine, coordinator: _Coordinator, out: Path) -> Iterator[str]:
    """Judge all gates together and write all files; yields what that took."""
    levels = Levels(0.01, Family.FLEET, Correction.HOLM, 2, len(world.lengths_s))
    fleet = FleetFile.model_validate({"name": "scale", "models": [{"model": "m"}]})
    opened = [OpenedGate(FleetGate(name, name, "", None, "s", None, "v1"), None, "key") for name in world.lengths_s]
    now = datetime.now(UTC)
    call = Call(fleet, levels, coordinator.measurements, (), engine.description, now)
    began_s = time.process_time()
    answer = answer_of(call, opened, coordinator.done, coordinator.results, now)
    yield f"{time.process_time() - began_s:.1f} s to judge all together"
    began_s = time.process_time()
    file_mb, index_mb = (path.stat().st_size / 1e6 for path in (write(answer, out), write_fleet(answer, out)))
    took_s = time.process_time() - began_s
    yield f"{took_s:.1f} s to publish fleet.json ({file_mb:.1f} MB) and the pages (index {index_mb:.2f} MB)"


@click.command()
@click.argument("result", type=click.Path(path_type=Path, exists=True))
@click.option("--models", default=1000, show_default=True)
@click.option("--nodes", default=100, show_default=True)
@click.option("--deaths", default=3, show_default=True, help="Nodes that die on the way.")
@click.option("--budget", default=45.0, show_default=True, help="Measuring time of a gate, seconds.")
@click.option("--overhead", default=15.0, show_default=True, help="Starts, warm-up, traces and report, seconds.")
@click.option("--seed", default=1, show_default=True)
def main(result: Path, models: int, nodes: int, deaths: int, budget: float, overhead: float, seed: int) -> None:  # noqa: PLR0913, PLR0917 - one parameter for each option
    """Measure a fleet in virtual time; RESULT is the result.json of a real run, which every measurement leaves."""
    world = _world(models, nodes, deaths, budget, overhead, seed)

    def run(order: Order) -> int:
        Path(order.cwd).mkdir(parents=True)
        shutil.copy(result, Path(order.cwd, "result.json"))
        return ExitCode.PASS

    engine = FakeEngine(world.machines, world.seconds_of, run)
    with TemporaryDirectory(prefix="perfgate-scale-") as folder:
        coordinator = _Coordinator(Measurements(Path(folder)))
        conducted_s = _conducted(world, engine, coordinator)
        published = list(_published(world, engine, coordinator, Path(folder)))

    done, seconds = coordinator.done, sum(each.seconds for each in coordinator.done)
    once = len({(each.gate_id, each.round_number) for each in done}) == len(done)
    print(f"{models} models, {nodes} nodes of 2 cores, {deaths} died: {coordinator.lost_count} measurements were lost")
    print(f"{len(done)} measurements, {sum(each.round_number == 2 for each in done)} of them in the second round")
    print(f"every gate exactly once in each round: {once}")
    print(f"makespan {engine.now_s / 60:.1f} min, {seconds / nodes / 60:.1f} min if all nodes were always busy")
    print(f"machine time {seconds / 60:.0f} min, {seconds / 60 / models:.2f} min a gate")
    print(f"coordinator: {1e3 * conducted_s / len(done):.1f} ms a measurement, {', '.join(published)}")
    print(f"a coordinator keeps up with {seconds / conducted_s:,.0f} nodes")


if __name__ == "__main__":
    main()
