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
    rng = np.random.default_rng(seed)
    lengths = {f"model-{place:04d}--s": budget * float(rng.uniform(0.4, 1.0)) for place in range(models)}
    open_ = {name for name, seconds in lengths.items() if seconds > budget * (1 - 0.6 * _OPEN_SHARE)}
    machines = [FakeNode(f"node-{place:03d}", 2) for place in range(nodes)]
    for place in rng.choice(nodes, size=deaths, replace=False):
        machines[place].dies_at_s = float(rng.uniform(0, models / nodes * budget))

    with TemporaryDirectory(prefix="perfgate-scale-") as folder:
        out = Path(folder)
        measurements = Measurements(out)

        def seconds_of(order: Order) -> float:
            return overhead + (2 * budget if order.arguments[1] == "2" else lengths[order.arguments[0]])

        def run(order: Order) -> int:
            Path(order.cwd).mkdir(parents=True)
            shutil.copy(result, Path(order.cwd, "result.json"))
            return ExitCode.PASS

        engine, watcher = FakeEngine(machines, seconds_of, run), _Coordinator(measurements)
        numbers: Iterator[int] = iter(range(10**9))

        def state(measured: Measured) -> RoundState:
            state_of(watcher.results.get((measured.gate_id, measured.round_number)))  # what the command computes
            return RoundState(measured.gate_id in open_, lengths[measured.gate_id])

        conductor = Conductor(
            engine=engine,
            measurements=measurements,
            order_of=lambda task, directory: Order(
                f"{task.gate_id} {directory.name}",
                (task.gate_id, str(task.round_number)),
                str(directory),
                {},
                "",
                2,
                inf,
            ),
            state_of=state,
            is_whole=lambda _: True,
            watcher=watcher,
            clock=engine.clock,
            token=lambda: f"{next(numbers):08x}",
            deadline_s=inf,
        )
        first = [Task(name, 1, "key", budget, (-lengths[name],)) for name in lengths]
        second = {name: Task(name, 2, "key", budget, (0.0,)) for name in lengths}
        began_s = time.process_time()
        done = conductor.conduct(first, second, [])
        conducted_s = time.process_time() - began_s
        gates = [FleetGate(name, name, "", None, "s", None, "v1") for name in lengths]
        levels = Levels(0.01, Family.FLEET, Correction.HOLM, 2, models)
        fleet = FleetFile.model_validate({"name": "scale", "models": [{"model": "m"}]})
        opened = [OpenedGate(gate, None, "key") for gate in gates]
        now = datetime.now(UTC)
        call = Call(fleet, levels, measurements, (), engine.description, now)
        began_s = time.process_time()
        answer = answer_of(call, opened, done, watcher.results, now)
        judged_s, began_s = time.process_time() - began_s, time.process_time()
        sizes = [write(answer, out).stat().st_size / 1e6, write_fleet(answer, out).stat().st_size / 1e6]
        published_s = time.process_time() - began_s

    seconds = sum(each.seconds for each in done)
    slots = nodes
    print(f"{models} models, {nodes} nodes of 2 cores, {deaths} died: {watcher.lost_count} measurements were lost")
    print(f"{len(done)} measurements, {sum(each.round_number == 2 for each in done)} of them in the second round")
    print(f"every gate exactly once in each round: {len({(d.gate_id, d.round_number) for d in done}) == len(done)}")
    print(f"makespan {engine.now_s / 60:.1f} min, {seconds / slots / 60:.1f} min if all nodes were always busy")
    print(f"machine time {seconds / 60:.0f} min, {seconds / 60 / models:.2f} min a gate")
    print(f"coordinator: {1e3 * conducted_s / len(done):.1f} ms a measurement, {judged_s:.1f} s to judge all together,")
    print(f"  {published_s:.1f} s to publish fleet.json ({sizes[0]:.1f} MB) and the pages (index {sizes[1]:.2f} MB)")
    print(f"a coordinator keeps up with {seconds / len(done) / (conducted_s / len(done)):,.0f} nodes")


if __name__ == "__main__":
    main()
