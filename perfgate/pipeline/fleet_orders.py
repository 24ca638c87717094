"""The command line of each measurement of a fleet, and what its result says about time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perfgate.capacity.answer import CapacityAnswer
from perfgate.errors import UsageError
from perfgate.experiment.timeline import Timeline
from perfgate.fleet.conduct import CAPACITY, RoundState, Task
from perfgate.fleet.engine import Order
from perfgate.fleet.judging import Levels
from perfgate.fleet.measured import Measured, Measurements
from perfgate.fleet.own_settings import environ_of
from perfgate.gate.verdict import Verdict
from perfgate.pipeline.fleet_opening import OpenedGate
from perfgate.results import capacity_document, document
from perfgate.results.result import Outcome, Result, TrialColumns
from perfgate.trials import Arm

_OVERHEAD_S = 600.0
"""Time for starts, warm-up, traces and reports, beyond which a measurement is stopped."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Makes the orders of a fleet's tasks."""

    gates: Mapping[str, OpenedGate]
    levels: Levels
    store: str
    environ: Mapping[str, str]
    cwd: Path
    explain: bool

    def order(self, task: Task, directory: Path) -> Order:
        """Return what to run for a task; its files go to the directory."""
        gate = self.gates[task.gate_id].gate
        make = self._capacity if task.round_number == CAPACITY else self._gate
        return Order(
            order_id=directory.name + " " + task.gate_id,
            arguments=(*make(task), *self._shared(task, directory)),
            cwd=str(self.cwd),
            environ=environ_of(self.environ),
            log=str(directory.absolute().with_name(f"{directory.name}.log")),
            cores=gate.cores,
            most_s=task.budget_s * 2 + _OVERHEAD_S,
            memory_mib=gate.memory_mib,
            resources=gate.resources,
        )

    def _gate(self, task: Task) -> tuple[str, ...]:
        gate = self.gates[task.gate_id].gate
        if gate.against:
            compared: tuple[str, ...] = ("--against", gate.against)
        else:
            compared = ("--baseline", gate.baseline, "--store", self.store) if gate.baseline else ("--no-baseline",)
        level = f"{self.levels.of_round(task.round_number):.12g}"
        explained = "--explain" if self.explain else "--no-explain"
        return ("run", gate.model, *compared, "--alpha", level, "--gates", str(self.levels.sharing), explained)

    def _capacity(self, task: Task) -> tuple[str, ...]:
        opened = self.gates[task.gate_id]
        models = opened.comparison.models if opened.comparison else {}
        stored = ("--baseline", opened.gate.baseline, "--store", self.store) if opened.gate.baseline else ()
        stored = stored if Arm.BASELINE in models else ()  # numbers alone have no capacity to measure
        old = (opened.gate.against,) if opened.gate.against else ()
        demand = ("--demand", f"{opened.gate.demand_rps:.12g}", "--headroom", f"{opened.gate.headroom:.12f}")
        return ("capacity", *old, opened.gate.model, *stored, *demand)

    def _shared(self, task: Task, directory: Path) -> tuple[str, ...]:
        gate = self.gates[task.gate_id].gate
        scenario = () if gate.scenario is None else ("--scenario", gate.scenario)
        replicas = () if gate.replicas is None else ("--replicas", str(gate.replicas))
        budget = f"{task.budget_s:.12g}"
        out = str(directory.absolute())
        return (*scenario, *replicas, "--budget", budget, "--out", out, "-q", "--color", "never", "--no-progress")


def tasks_of(opened: OpenedGate, round_number: int) -> Task:
    """Return a gate's task in one round; the second one's budget is set when it is known what the others left."""
    gate = opened.gate
    budget_s, key = opened.measure_s, f"{opened.key} {round_number}"
    if round_number == CAPACITY:
        budget_s, key = gate.capacity_s, f"{key} {gate.demand_rps} {gate.headroom} {gate.capacity_s}"
    urgency = (float(round_number == CAPACITY), -float(gate.priority), -budget_s)
    return Task(gate.gate_id, round_number, key, budget_s, urgency)


def result_of(measured: Measured, measurements: Measurements) -> Result | None:
    """Read what a fleet needs of a finished run's result, which is a thousandth of it; None if there is none."""
    try:
        found = document.read(measurements.directory(measured.gate_id, measured.round_number))
    except (UsageError, OSError):
        return None
    failed = found.judgement is not None and found.judgement.verdict is Verdict.FAIL
    return replace(
        found, trials=TrialColumns(), timeline=Timeline(), curves=(), summaries=(), threads=(), payload_changes=(),
        explanation=found.explanation if failed else None, capacity=None,
    )  # fmt: skip


def capacity_of(measured: Measured, measurements: Measurements) -> CapacityAnswer | None:
    """Read the answer of a finished search for the capacity; None if there is none."""
    try:
        return capacity_document.read(measurements.directory(measured.gate_id, CAPACITY))
    except (UsageError, OSError):
        return None


def state_of(result: Result | None) -> RoundState:
    """Return how much measuring time a run took, and whether more may decide it."""
    if result is None or result.status is not Outcome.COMPLETE or result.judgement is None:
        return RoundState(is_open=False, used_s=0.0)
    judged = result.judgement
    undecided = any(each.counts and not each.left_open and _is_open(each.verdict) for each in judged.metrics)
    undecided |= any(each.counts and _is_open(each.verdict) for each in judged.objectives)
    is_open = undecided and judged.verdict is Verdict.INCONCLUSIVE
    return RoundState(is_open, sum(result.blocks.wall_s))


def _is_open(verdict: Verdict) -> bool:
    return verdict is Verdict.INCONCLUSIVE
