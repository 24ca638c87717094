from __future__ import annotations

import io
import json
import resource
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.cli.interrupts import Interrupts
from perfgate.errors import ExitCode, UsageError
from perfgate.gate.verdict import Verdict
from perfgate.pipeline import answer
from perfgate.pipeline.answer import answer_all, exit_code, exit_code_of_record, prepare_all
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.results.progress import SilentProgress
from perfgate.results.result import Outcome, Result
from perfgate.scenario.schema import Load, Scenario
from perfgate.serving.open_files import allow_open_files
from tests.report import example

OPTIONS = Options((), None, None, None, None, None, None, None, None, False, True, False)  # noqa: FBT003


def _result(verdict: Verdict, status: Outcome = Outcome.COMPLETE) -> Result:
    result = example.passing()
    assert result.judgement is not None
    return replace(result, status=status, judgement=replace(result.judgement, verdict=verdict))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PASS, ExitCode.PASS),
        (Verdict.FAIL, ExitCode.FAIL),
        (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
        (Verdict.INVALID, ExitCode.INVALID),
    ],
)
def test_each_verdict_has_its_exit_code(verdict: Verdict, code: ExitCode) -> None:
    assert exit_code(_result(verdict), OPTIONS) is code
    assert exit_code(_result(verdict, status=Outcome.INTERRUPTED), OPTIONS) is ExitCode.INTERRUPTED


def test_inconclusive_may_pass_where_asked_and_nothing_else_does() -> None:
    lenient = replace(OPTIONS, on_inconclusive="pass")
    codes = {verdict: exit_code(_result(verdict), lenient) for verdict in Verdict}
    assert codes == {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 0, Verdict.FAIL: 3, Verdict.INVALID: 5}


def test_a_record_needs_a_whole_and_valid_run_and_no_verdict() -> None:
    assert exit_code_of_record(_result(Verdict.INCONCLUSIVE)) is ExitCode.PASS
    assert exit_code_of_record(_result(Verdict.INVALID)) is ExitCode.INVALID
    assert exit_code_of_record(_result(Verdict.PASS, status=Outcome.INTERRUPTED)) is ExitCode.INTERRUPTED


def _host(stdout: io.StringIO | None = None, cpus: Collection[int] = (0,)) -> Host:
    return Host(
        environ={},
        arguments=("compare", "OLD", "NEW"),
        now=lambda: datetime(2030, 1, 2, tzinfo=UTC),
        clock=lambda: 0.0,
        random_bits=lambda _: 7,
        cpus=lambda: cpus,
        use_cpus=lambda _: None,
        interrupts=Interrupts(),
        progress=SilentProgress,
        console=Console(file=io.StringIO(), width=1000),
        stdout=stdout or io.StringIO(),
        stderr=io.StringIO(),
    )


def _said(host: Host) -> str:
    assert isinstance(host.console.file, io.StringIO)
    return host.console.file.getvalue()


def _asked(scenario: Scenario) -> Comparison:
    return Comparison(scenario, {}, "sha256:aa")


def _answer(monkeypatch: pytest.MonkeyPatch, options: Options, *results: Result, host: Host | None = None) -> int:
    queue = iter(results)
    monkeypatch.setattr(answer, "prepare", lambda *_: object())
    monkeypatch.setattr(answer, "answer", lambda *_, **__: (next(queue), Path("out")))
    return answer_all([_asked(Scenario()) for _ in results], options, host or _host())


def test_the_worst_of_several_scenarios_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for verdicts, code in (
        ((Verdict.PASS, Verdict.INCONCLUSIVE), ExitCode.INCONCLUSIVE),
        ((Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS), ExitCode.FAIL),
        ((Verdict.FAIL, Verdict.INVALID), ExitCode.INVALID),
        ((Verdict.PASS, Verdict.PASS), ExitCode.PASS),
    ):
        assert _answer(monkeypatch, OPTIONS, *map(_result, verdicts)) == code


def test_an_interrupt_ends_the_row_of_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    results = _result(Verdict.PASS, status=Outcome.INTERRUPTED), _result(Verdict.FAIL)
    assert _answer(monkeypatch, OPTIONS, *results) == ExitCode.INTERRUPTED


def test_json_is_one_document_and_alone_on_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    host = _host(one := io.StringIO())
    _answer(monkeypatch, replace(OPTIONS, as_json=True), _result(Verdict.PASS), host=host)
    assert json.loads(one.getvalue())["judgement"]["verdict"] == "pass"
    assert _said(host).startswith("PASS ")

    host = _host(two := io.StringIO())
    both = _result(Verdict.PASS), _result(Verdict.FAIL)
    _answer(monkeypatch, replace(OPTIONS, as_json=True, scenarios=("a", "b")), *both, host=host)
    assert [each["judgement"]["verdict"] for each in json.loads(two.getvalue())] == ["pass", "fail"]


def test_flags_go_over_the_scenario(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('name = "s"\n[budget]\nmeasure_s = 10\nparents = 3\n[server]\nrpc_threads = 2\n')
    options = replace(OPTIONS, scenarios=(str(file),), budget=7.0, replicas=5, cpus=(0,))
    (scenario,) = options.load_scenarios()
    assert (scenario.budget.measure_s, scenario.budget.replicas, scenario.budget.parents) == (7.0, 5, 3)
    assert (scenario.server.cpus, scenario.server.rpc_threads) == ((0,), 2)


def test_two_scenarios_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "s.toml").write_text('name = "same"\n')
    twice = replace(OPTIONS, scenarios=tuple(str(tmp_path / folder / "s.toml") for folder in ("a", "b")))
    with pytest.raises(UsageError, match="same name"):
        twice.load_scenarios()


def test_a_cpu_that_is_not_there_is_a_usage_error() -> None:
    for key in ("cpus", "driver_cpus"):
        server = Scenario().server.model_copy(update={key: (5,)})
        with pytest.raises(UsageError, match="CPU 5 is not available") as caught:
            prepare_all([_asked(Scenario(server=server))], _host(cpus=(0, 2)))
        assert caught.value.remedy == "choose from 0, 2"


def test_a_bad_trace_of_any_scenario_is_found_before_the_first_is_measured(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text("1\n0\n")
    bad = Scenario(load=Load(arrivals="trace", trace=str(trace)))
    with pytest.raises(UsageError, match=r"trace:2: 0 comes after 1"):
        prepare_all((_asked(Scenario()), _asked(bad)), _host())


def test_a_run_may_open_as_many_files_as_it_needs_and_is_allowed() -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(now, 512), most))
        allow_open_files(600)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600, most)
        allow_open_files(550)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600, most), "never lowered"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))
