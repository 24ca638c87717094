"""What `perfgate fleet` is asked, and what it leaves behind."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from perfgate.errors import ExitCode, UsageError
from perfgate.fleet import document
from perfgate.fleet.conduct import CAPACITY, Conductor, RoundState, Task
from perfgate.fleet.engine import Engine
from perfgate.fleet.file import read_fleet
from perfgate.fleet.gates import gates_of
from perfgate.fleet.judging import Levels
from perfgate.fleet.local import LocalEngine
from perfgate.fleet.measured import Measured, Measurements
from perfgate.fleet.schema import FleetFile
from perfgate.fleet.summary import exit_code_of
from perfgate.gate.policy import Policy
from perfgate.observe.machine import available_mib
from perfgate.pipeline.extra_files import make_ready, reporting_failure
from perfgate.pipeline.fleet_answer import Call, answer_of
from perfgate.pipeline.fleet_opening import NO_OPTIONS, OpenedGate, Opener
from perfgate.pipeline.fleet_orders import Orders, result_of, state_of, tasks_of
from perfgate.pipeline.host import Host
from perfgate.report.formats.fleet_junit import fleet_junit
from perfgate.report.html.fleet import write_fleet
from perfgate.report.terminal.fleet import Ending, FleetProgress, final_line, make_fleet_progress, print_fleet
from perfgate.results.recorder import not_writable
from perfgate.results.result import Result


@dataclass(frozen=True, slots=True)
class Question:
    """The arguments of the command."""

    file: Path
    engine: str
    address: str | None
    fresh: bool
    dry_run: bool
    explain: bool
    on_inconclusive: str
    junit_file: Path | None
    out: Path | None
    as_json: bool
    quiet: bool
    verbose: bool
    live: bool


def answer(question: Question, policy: Policy, settings: Mapping[str, Any], host: Host) -> int:
    """Open all gates, measure what is not measured yet, judge all together, and publish."""
    fleet = read_fleet(question.file)
    gates = gates_of(fleet, question.file)
    levels = Levels(fleet.alpha, fleet.family, fleet.correction, fleet.rounds, len(gates))
    store = _store(fleet, question.file)
    options = replace(NO_OPTIONS, policy=policy, explain=question.explain)
    opened = Opener(fleet, store, levels, options, settings, host).open(gates)
    if question.dry_run:
        return _listed(opened, levels, host)
    if question.junit_file is not None:
        make_ready(question.junit_file, "--junit")
    out = question.out or Path("reports", f"fleet-{fleet.name}")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(out, error) from error
    call = _Call(question, fleet, levels, store, opened, out, host)
    return call.answer()


def _store(fleet: FleetFile, file: Path) -> str:
    return fleet.store if "://" in fleet.store else str(file.parent / fleet.store)


def _listed(opened: Sequence[OpenedGate], levels: Levels, host: Host) -> int:
    """Print what would be measured."""
    for each in opened:
        what = (
            each.problem or f"{each.gate.model} against {each.gate.against or each.gate.baseline or 'its objectives'}"
        )
        print(f"{each.gate.gate_id}  {what}", file=host.stdout)
    count = sum(each.comparison is not None for each in opened)
    print(f"{count} of {len(opened)} gates, error level {levels.alpha:g} shared by {levels.sharing}", file=host.stdout)
    return ExitCode.PASS


@dataclass(frozen=True, slots=True)
class _Call:
    question: Question
    fleet: FleetFile
    levels: Levels
    store: str
    opened: tuple[OpenedGate, ...]
    out: Path
    host: Host

    def answer(self) -> int:
        question, host = self.question, self.host
        created, measurements = host.now(), Measurements(self.out)
        measurable = [each for each in self.opened if each.comparison is not None]
        measurements.clear_attempts({each.gate.gate_id: each for each in measurable})
        if question.fresh:
            for each in measurable:
                measurements.forget_all(each.gate.gate_id)
        orders = Orders(
            {each.gate.gate_id: each for each in self.opened}, self.levels, self.store, host.environ, Path.cwd(),
            question.explain,
        )  # fmt: skip
        engine = self._engine()
        first = [tasks_of(each, 1) for each in measurable]
        self._refuse(first, orders, engine)
        progress = make_fleet_progress(host.console, host.clock, live=question.live, quiet=question.quiet)
        progress.total(len(first))
        watching = _Watching(progress, measurements, {}, [])
        second = {each.gate.gate_id: tasks_of(each, 2) for each in measurable if self.fleet.rounds > 1}
        conductor = Conductor(
            engine=engine,
            measurements=measurements,
            order_of=orders.order,
            state_of=watching.state,
            watcher=watching,
            clock=host.clock,
            token=lambda: f"{host.random_bits(32):08x}",
            deadline_s=inf if self.fleet.most_s is None else host.clock() + self.fleet.most_s,
        )
        interrupted = False
        try:
            conductor.conduct(first, second, self._capacities(measurable))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            progress.close()
        with host.interrupts.held():
            call = Call(self.fleet, self.levels, self.out, ("perfgate", *host.arguments), engine.description, created)
            found = answer_of(call, self.opened, watching.done, watching.results, host.now())
            document.write(found, self.out)
            page = write_fleet(found, self.out)
            if question.junit_file is not None:
                with reporting_failure(question.junit_file, host.console):
                    question.junit_file.write_text(fleet_junit(found), encoding="utf-8")
            if question.as_json:
                print(document.to_json(found), end="", file=host.stdout)
            if not question.quiet:
                print_fleet(host.console, found, verbose=question.verbose)
            host.console.print(final_line(found, page, interrupted=interrupted), markup=False, soft_wrap=True)
        return exit_code_of(found, question.on_inconclusive, interrupted=interrupted)

    def _engine(self) -> Engine:
        node = socket.gethostname()
        if self.question.engine == "local":
            if self.question.address:
                raise UsageError("--address is for --engine ray", "add --engine ray, or remove it")
            return LocalEngine(self.host.cpus(), available_mib, node)
        from perfgate.fleet.ray_engine import RayEngine  # noqa: PLC0415 - Ray is an extra, and slow to import

        return RayEngine(self.question.address, self.host.environ)

    def _refuse(self, tasks: Sequence[Task], orders: Orders, engine: Engine) -> None:
        """Raise UsageError before anything is measured if some gate can never run on this engine."""
        for task in tasks:
            if why := engine.refusal(orders.order(task, self.out)):
                engine.stop()
                raise UsageError(f"{task.gate_id}: {why}", "change its cores, memory_mib or resources")

    def _capacities(self, measurable: Sequence[OpenedGate]) -> list[Task]:
        """Return one search for the capacity a model with a demand: under its first scenario."""
        first: dict[str, OpenedGate] = {}
        for each in measurable:
            if each.gate.demand_rps is not None:
                first.setdefault(each.gate.model_name, each)
        return [tasks_of(each, CAPACITY) for each in first.values()]


@dataclass(frozen=True, slots=True)
class _Watching:
    """Reads each result once, when its measurement ends, and passes it on to the display."""

    progress: FleetProgress
    measurements: Measurements
    results: dict[tuple[str, int], Result]
    done: list[Measured]

    def begun(self, task: Task) -> None:
        self.progress.begun(task.gate_id, _round_words(task.round_number))

    def ended(self, measured: Measured) -> None:
        self.done.append(measured)
        place = measured.gate_id, measured.round_number
        result = None if measured.round_number == CAPACITY else result_of(measured, self.measurements)
        if result is not None:
            self.results[place] = result
        self.progress.ended(
            Ending(
                gate_id=measured.gate_id,
                round_words=_round_words(measured.round_number),
                word=_word(measured, result),
                headline=result.judgement.headline if result and result.judgement else measured.lost,
                seconds=measured.seconds,
                kept=measured.kept,
            )
        )

    def lost(self, task: Task, why: str) -> None:
        self.progress.lost(task.gate_id, why)

    def tick(self) -> None:
        self.progress.tick()

    def state(self, measured: Measured) -> RoundState:
        return state_of(self.results.get((measured.gate_id, measured.round_number)))


def _round_words(round_number: int) -> str:
    return {CAPACITY: "capacity", 1: ""}.get(round_number, f"round {round_number}")


def _word(measured: Measured, result: Result | None) -> str:
    if measured.lost:
        return "lost"
    if result is not None and result.judgement is not None:
        return result.judgement.verdict.value
    done = {ExitCode.PASS: "pass", ExitCode.FAIL: "fail", ExitCode.INCONCLUSIVE: "inconclusive"}
    return done.get(ExitCode(measured.exit_code), "invalid") if measured.exit_code in set(ExitCode) else "invalid"
