"""What `perfgate fleet` is asked, and what it leaves behind."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from perfgate.baseline.fingerprint import environment
from perfgate.errors import ExitCode, UsageError
from perfgate.fleet import document
from perfgate.fleet.answer import FleetAnswer
from perfgate.fleet.conduct import CAPACITY, Conductor, Task
from perfgate.fleet.engine import Engine
from perfgate.fleet.file import read_fleet
from perfgate.fleet.gates import gates_of
from perfgate.fleet.history import append_history, missing, read_history
from perfgate.fleet.judging import Levels
from perfgate.fleet.local import LocalEngine
from perfgate.fleet.measured import Measurements
from perfgate.fleet.schema import FleetFile
from perfgate.fleet.summary import exit_code_of
from perfgate.formatting import share
from perfgate.gate.policy import Policy
from perfgate.observe.machine import available_mib
from perfgate.pipeline.ci_output import tell_github
from perfgate.pipeline.extra_files import make_ready, reporting_failure
from perfgate.pipeline.fleet_answer import Call, answer_of
from perfgate.pipeline.fleet_opening import NO_OPTIONS, OpenedGate, Opener
from perfgate.pipeline.fleet_orders import Orders, tasks_of
from perfgate.pipeline.fleet_watching import Watching
from perfgate.pipeline.host import Host
from perfgate.report.formats.fleet_github import fleet_commands, fleet_summary
from perfgate.report.formats.fleet_junit import fleet_junit
from perfgate.report.html.fleet import write_fleet
from perfgate.report.terminal.fleet import final_line, make_fleet_progress, print_fleet
from perfgate.results.recorder import not_writable


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
    store = fleet.store if "://" in fleet.store else str(question.file.parent / fleet.store)
    options = replace(NO_OPTIONS, policy=policy, explain=question.explain)
    here = environment(host.environ)
    software = {name: here[name] for name in ("tensorflow", "variables")}
    opened = Opener(fleet, store, levels, options, settings, software, host).open(gates)
    by_name = {each.gate.gate_id: each for each in opened}
    orders = Orders(by_name, levels, store, host.environ, Path.cwd(), question.explain)
    with ExitStack() as stack:
        engine = _engine(question, host)
        stack.callback(engine.stop)
        out = question.out or Path("reports", f"fleet-{fleet.name}")
        call = _Call(question, fleet, levels, opened, orders, engine, out, host)
        call.refuse()
        if question.dry_run:
            return call.show(Measurements(out))
        if question.junit_file is not None:
            make_ready(question.junit_file, "--junit")
        try:
            out.mkdir(parents=True, exist_ok=True)
            measurements = stack.enter_context(Measurements(out))
        except OSError as error:
            raise not_writable(out, error) from error
        return call.measure(measurements)


def _engine(question: Question, host: Host) -> Engine:
    if question.engine == "local":
        if question.address:
            raise UsageError("--address is for --engine ray", "add --engine ray, or remove it")
        return LocalEngine(host.cpus(), available_mib, socket.gethostname())
    from perfgate.fleet.ray_engine import RayEngine  # noqa: PLC0415 - Ray is an extra, and slow to import

    return RayEngine(question.address, host.environ)


@dataclass(frozen=True, slots=True)
class _Call:
    question: Question
    fleet: FleetFile
    levels: Levels
    opened: tuple[OpenedGate, ...]
    orders: Orders
    engine: Engine
    out: Path
    host: Host

    @property
    def measurable(self) -> tuple[OpenedGate, ...]:
        return tuple(each for each in self.opened if each.comparison is not None)

    def refuse(self) -> None:
        """Raise UsageError before anything is measured if some gate can never run on this engine."""
        for each in self.measurable:
            if why := self.engine.refusal(self.orders.order(tasks_of(each, 1), self.out)):
                raise UsageError(f"{each.gate.gate_id}: {why}", "change its cores, memory_mib or resources")

    def show(self, measurements: Measurements) -> int:
        """Print what would be measured, in this order, and what is kept."""
        kept, watching = 0, self.watching(measurements)
        for each in sorted(self.opened, key=lambda gate: tasks_of(gate, 1).urgency):
            task, against = tasks_of(each, 1), each.gate.against or each.gate.baseline or "its objectives"
            may_keep = each.comparison is not None and not self.question.fresh
            found = measurements.kept(task.gate_id, 1, task.key) if may_keep else None
            is_kept = found is not None and watching.is_whole(found)
            what = each.problem or f"{each.gate.model} against {against}{' (kept)' * is_kept}"
            kept += is_kept
            print(f"{each.gate.gate_id}  {what}", file=self.host.stdout)
        count = len(self.measurable) - kept
        level = f"error level {share(self.levels.alpha)} shared by {self.levels.sharing}"
        print(f"{count} of {len(self.opened)} gates to measure, {kept} kept, {level}", file=self.host.stdout)
        return ExitCode.PASS

    def watching(self, measurements: Measurements) -> Watching:
        question, host = self.question, self.host
        live = question.live and not question.dry_run
        progress = make_fleet_progress(host.console, host.clock, live=live, quiet=question.quiet)
        return Watching(progress, measurements, self.orders.gates, self.levels, {}, [])

    def measure(self, measurements: Measurements) -> int:
        question, host, created = self.question, self.host, self.host.now()
        measurements.clear_attempts({each.gate.gate_id: each for each in self.measurable})
        for each in self.measurable if question.fresh else ():
            measurements.forget_all(each.gate.gate_id)
        watching, interrupted = self.watching(measurements), False
        try:
            self._conduct(measurements, watching)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            watching.progress.close()
        with host.interrupts.held():
            arguments = ("perfgate", *host.arguments)
            call = Call(self.fleet, self.levels, measurements, arguments, self.engine.description, created)
            found = answer_of(call, self.opened, watching.done, watching.results, host.now())
            self._publish(found, interrupted=interrupted)
        return exit_code_of(found, question.on_inconclusive, interrupted=interrupted)

    def _conduct(self, measurements: Measurements, watching: Watching) -> None:
        host, most_s = self.host, self.fleet.most_s
        first = [tasks_of(each, 1) for each in self.measurable]
        second = {each.gate.gate_id: tasks_of(each, 2) for each in self.measurable if self.fleet.rounds > 1}
        watching.progress.total(len(first))
        conductor = Conductor(
            engine=self.engine,
            measurements=measurements,
            order_of=self.orders.order,
            state_of=watching.state,
            watcher=watching,
            clock=host.clock,
            token=lambda: f"{host.random_bits(32):08x}",
            is_whole=watching.is_whole,
            deadline_s=inf if most_s is None else host.clock() + most_s,
        )
        conductor.conduct(first, second, self._capacities())

    def _publish(self, found: FleetAnswer, *, interrupted: bool) -> None:
        """Write all files, and say what was found even where they cannot be written: OSError comes last."""
        question, console = self.question, self.host.console
        refused, page = None, self.out
        try:
            document.write(found, self.out)
            append_history(self.out, missing(read_history(self.out), found.gates))
            page = write_fleet(found, self.out, read_history(self.out))
        except OSError as error:
            refused = error
        if question.junit_file is not None:
            with reporting_failure(question.junit_file, console):
                question.junit_file.write_text(fleet_junit(found), encoding="utf-8")
        tell_github(fleet_commands(found), lambda room: fleet_summary(found, room), self.host)
        if question.as_json:
            print(document.to_json(found), end="", file=self.host.stdout)
        if not question.quiet:
            print_fleet(console, found, verbose=question.verbose)
        console.print(final_line(found, page, interrupted=interrupted), markup=False, soft_wrap=True)
        if refused is not None:
            raise refused

    def _capacities(self) -> list[Task]:
        """Return one search for the capacity a model with a demand: under its first scenario."""
        first: dict[str, OpenedGate] = {}
        for each in self.measurable:
            if each.gate.demand_rps is not None:
                first.setdefault(each.gate.model_name, each)
        return [tasks_of(each, CAPACITY) for each in first.values()]
