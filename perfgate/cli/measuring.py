"""What `run`, `compare` and `baseline record` share: options in, jobs out, results shown."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from perfgate import pipeline
from perfgate.baseline.fingerprint import environment, read_text
from perfgate.baseline.numbers import StoredBaseline
from perfgate.baseline.record import Record
from perfgate.cli.advising import advise
from perfgate.cli.ahead import SCENARIOS, Ahead
from perfgate.cli.consoles import error_console, redraws
from perfgate.cli.interrupts import INTERRUPTS
from perfgate.cli.open_files import allow_open_files
from perfgate.cli.options import check_cpus, server_settings
from perfgate.cli.policy import NO_POLICY, Policy, policy_of
from perfgate.cli.publishing import Publisher
from perfgate.cli.targets import Opened, at_once, driver_of, launcher_of, open_arms
from perfgate.errors import ExitCode, UsageError
from perfgate.experiment.fleet import Makers
from perfgate.experiment.plan import trace_of
from perfgate.experiment.setup import as_sent, record_payloads
from perfgate.gate.verdict import EXIT_CODES, Verdict
from perfgate.load.undisturbed import realtime_permitted
from perfgate.load.workers import Workers
from perfgate.model.cache import cache_dir
from perfgate.model.interface import Model
from perfgate.observe.choose import observer_of, thread_cpu_ms_of
from perfgate.observe.machine import MachineAccounts, available_mib
from perfgate.observe.sampling import Sampler
from perfgate.payload.arms import request_differences
from perfgate.plain import one_line
from perfgate.report import html
from perfgate.report.advice import Advice
from perfgate.report.live import make_progress
from perfgate.report.terminal import final_line, print_result
from perfgate.results import document
from perfgate.results.result import Result
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm

SERVER_LOG = "servers.log"
_WORST_FIRST = (ExitCode.INTERRUPTED, ExitCode.INVALID, ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.PASS)


@dataclass(frozen=True, slots=True)
class Options:
    """The shared options, as click gives them."""

    scenarios: tuple[str, ...]
    budget: float | None
    replicas: int | None
    seed: int | None
    out: Path | None
    intra_op_threads: int | None
    inter_op_threads: int | None
    cpus: tuple[int, ...] | None
    driver_cpus: tuple[int, ...] | None
    as_json: bool
    quiet: bool
    verbose: bool
    color: str
    no_progress: bool
    pids: tuple[int, ...] = ()
    signature_from: str | None = None
    on_inconclusive: str = "fail"
    junit_file: Path | None = None
    metrics_file: Path | None = None
    store: str | None = None
    """Where to look for a calibration; None: nowhere."""
    policy: Policy = NO_POLICY
    """What perfgate.toml says of verdicts."""
    ahead: Ahead = field(default_factory=Ahead, compare=False)
    """Where the first run's fork server may be found."""

    @classmethod
    def taken_from(cls, options: Mapping[str, Any]) -> Options:
        """Pick the shared ones from all of a command's."""
        policy = policy_of(options.get("config"), datetime.now(UTC).date())
        return cls(**{name: options[name] for name in cls.__slots__ if name in options}, policy=policy)

    def load_scenarios(self) -> tuple[Scenario, ...]:
        """Read the scenarios, with the flags that were given over them."""
        found = tuple(self._adjusted(load_scenario(name, SCENARIOS)) for name in self.scenarios or (None,))
        names = [scenario.name for scenario in found]
        if len(set(names)) < len(names):
            raise UsageError("two scenarios have the same name", "give each its own `name`")
        return found

    def _adjusted(self, scenario: Scenario) -> Scenario:
        flags = {"measure_s": self.budget, "replicas": self.replicas}
        budget = scenario.budget.model_copy(update={name: value for name, value in flags.items() if value is not None})
        server = server_settings(self.intra_op_threads, self.inter_op_threads, self.cpus, scenario.server)
        if self.driver_cpus is not None:
            server = server.model_copy(update={"driver_cpus": self.driver_cpus})
        if self.signature_from is not None:
            target = scenario.target.model_copy(update={"signature_from": self.signature_from})
            scenario = scenario.model_copy(update={"target": target})
        return self.policy.over(scenario.model_copy(update={"budget": budget, "server": server}))

    def publisher(self) -> Publisher:
        """Say where results go beside their own directories."""
        return Publisher(self.junit_file, self.metrics_file, os.environ)

    @classmethod
    def of_a_gate(cls, options: Mapping[str, Any]) -> Options:
        """Pick those of a command that judges; what an earlier one left for a CI server goes, whatever comes now."""
        taken = cls.taken_from(options)
        taken.publisher().make_ready()
        return taken

    def questions(self, **given: str) -> tuple[Question, ...]:
        """Open the MODELs of each arm for every scenario: `questions(baseline=OLD, candidate=NEW)`."""
        models = {Arm(arm): name for arm, name in given.items()}
        named = zip(self.scenarios or (None,), self.load_scenarios(), strict=True)
        return tuple(
            Question(open_arms(scenario, models, self.pids, cache_dir(os.environ)), scenario_given=given)
            for given, scenario in named
        )

    def console(self) -> Console:
        """Make the one console, on stderr."""
        return error_console(self.color)


@dataclass(frozen=True, slots=True)
class Question:
    """One scenario's comparison."""

    opened: Opened
    baseline_name: str | None = None
    record: Record | None = None
    """The stored baseline, where its model is measured again."""
    stored: StoredBaseline | None = None
    """The stored baseline, where the comparison is with its numbers."""
    scenario_given: str | None = None
    """What the user named the scenario; None: nothing."""

    @property
    def scenario(self) -> Scenario:
        """What to measure."""
        return self.opened.scenario

    @property
    def models(self) -> Mapping[Arm, Model]:
        """Whom to ask."""
        return self.opened.models


def check_all(questions: Iterable[Question]) -> tuple[Question, ...]:
    """Find what is wrong with the last question before the first is measured; give the questions back."""
    checked = tuple(questions)
    for question in checked:
        server = question.scenario.server
        check_cpus((*(server.cpus or ()), *(server.driver_cpus or ())), os.sched_getaffinity(0))
        trace_of(question.scenario.load)
        for payload in record_payloads(question.models, question.scenario).values():
            as_sent(payload, question.scenario)
        request_differences(question.models, question.scenario)
    return checked


def answer_all(questions: Iterable[Question], options: Options) -> int:
    """Measure one after the other, show each result, and return the worst exit code."""
    console, publisher = options.console(), options.publisher()
    questions = check_all(questions)
    many = len(options.scenarios) > 1
    results: list[Result] = []
    for question in questions:
        result, out = answer(question, options, console, many=many)
        results.append(result)
        if last := question is questions[-1] or result.status == "interrupted":
            publisher.publish(results, console)  # before the final line, which is the last one
        show(result, out, options, console)
        if last:
            break
    if options.as_json:
        documents = [document.to_json(result) for result in results]
        click.echo(f"[{','.join(documents)}]" if many else documents[0])
    codes = [exit_code(result, options) for result in results]
    return next(code for code in _WORST_FIRST if code in codes)


def answer(
    question: Question, options: Options, console: Console, *, many: bool, stops_early: bool = True
) -> tuple[Result, Path]:
    """Measure one question; the result and the directory that it was written to."""
    scenario = question.scenario
    now = datetime.now(UTC)
    seed = secrets.randbits(32) if options.seed is None else options.seed
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{scenario.name}-{secrets.token_hex(4)}"  # two runs may start at once
    out = (options.out / scenario.name if many else options.out) if options.out else Path("reports") / run_id
    job = pipeline.Job(
        command=("perfgate", *sys.argv[1:], *(() if options.seed is not None else ("--seed", str(seed)))),
        run_id=run_id,
        scenario=scenario,
        models=question.models,
        baseline_name=question.baseline_name,
        seed=seed,
        out=out,
        record=question.record,
        stored=question.stored,
        stops_early=stops_early,
        cautions=options.policy.cautions(scenario.name),
    )
    allowed = os.sched_getaffinity(0)
    allow_open_files()
    with Workers(scenario.load.workers) as workers:
        world = _world(question.opened, out, options, console, allowed, workers)
        advice = _advice(question, options, world.environment)
        if advice.sentence and not options.quiet:
            console.print(f"perfgate: {one_line(advice.sentence)}", markup=False, soft_wrap=True)
        os.sched_setaffinity(0, scenario.server.driver_cpus or allowed)
        try:
            return pipeline.run(replace(job, advice=advice), world), out
        finally:
            os.sched_setaffinity(0, allowed)


def _advice(question: Question, options: Options, environment: Mapping[str, Any]) -> Advice:
    """Ask a calibration about comparisons side by side; running servers have none."""
    side_by_side = question.stored is None and question.scenario.target.kind != "endpoint"
    if options.store is None or not side_by_side:
        return Advice()
    candidate = question.models[Arm.CANDIDATE]
    return advise(options.store, question.scenario, question.scenario_given, candidate, environment)


def _world(  # noqa: PLR0913, PLR0917 - all that a run touches
    opened: Opened, out: Path, options: Options, console: Console, allowed_cpus: set[int], workers: Workers
) -> pipeline.World:
    with suppress(OSError):  # the recording says what is wrong with the directory
        (out / SERVER_LOG).unlink(missing_ok=True)
    facts = environment(os.environ, read_text)
    makers = Makers(
        launcher=launcher_of(opened, os.environ, out / SERVER_LOG, allowed_cpus, options.ahead),
        driver=lambda server, deadline_s: driver_of(server, opened.scenario, deadline_s, workers),
        observer=observer_of,
        clock=time.perf_counter,
        at_once=at_once(opened.scenario, allowed_cpus, facts["cores"]),
        available_mib=available_mib,
    )
    return pipeline.World(
        makers=makers,
        machine=MachineAccounts(),
        sampler=Sampler,
        threads=thread_cpu_ms_of,
        progress=make_progress(console, live=redraws(console) and not options.no_progress, quiet=options.quiet),
        now=lambda: datetime.now(UTC),
        environment=facts | {"generator_realtime": realtime_permitted()},
        available_mib=available_mib(),
        interrupts=INTERRUPTS,
    )


def show(result: Result, out: Path, options: Options, console: Console) -> None:
    """Print the result on stderr, the final line last."""
    if not options.quiet:
        print_result(console, result, every_metric=options.verbose)
    console.print(final_line(result, out / html.FILE_NAME), markup=False, soft_wrap=True)


def exit_code(result: Result, options: Options) -> ExitCode:
    """Turn a result into the process's exit code."""
    if result.status == "interrupted":
        return ExitCode.INTERRUPTED
    verdict = Verdict.INVALID if result.judgement is None else result.judgement.verdict
    if verdict is Verdict.INCONCLUSIVE and options.on_inconclusive == "pass":
        return ExitCode.PASS
    return EXIT_CODES[verdict]


def exit_code_of_record(result: Result) -> ExitCode:
    """Turn a run that was only made to be recorded into an exit code: whether it is whole and valid."""
    if result.status == "interrupted":
        return ExitCode.INTERRUPTED
    invalid = result.judgement is None or result.judgement.verdict is Verdict.INVALID
    return ExitCode.INVALID if invalid else ExitCode.PASS
