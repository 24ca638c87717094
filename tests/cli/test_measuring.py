from __future__ import annotations

import json
import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.cli import measuring
from perfgate.cli.measuring import Options, Question, answer_all, exit_code, exit_code_of_record
from perfgate.cli.open_files import allow_open_files
from perfgate.cli.targets import Opened
from perfgate.errors import ExitCode, UsageError
from perfgate.gate.verdict import Verdict
from perfgate.results.result import Result
from perfgate.scenario.schema import Load, Scenario
from tests.report import example

OPTIONS = Options((), None, None, None, None, None, None, None, None, False, True, False, "never", True)  # noqa: FBT003


def _result(verdict: Verdict, status: str = "complete") -> Result:
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
    assert exit_code(_result(verdict, status="interrupted"), OPTIONS) is ExitCode.INTERRUPTED


def test_inconclusive_may_pass_where_asked_and_nothing_else_does() -> None:
    lenient = replace(OPTIONS, on_inconclusive="pass")
    codes = {verdict: exit_code(_result(verdict), lenient) for verdict in Verdict}
    assert codes == {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 0, Verdict.FAIL: 3, Verdict.INVALID: 5}


def test_a_record_needs_a_whole_and_valid_run_and_no_verdict() -> None:
    assert exit_code_of_record(_result(Verdict.INCONCLUSIVE)) is ExitCode.PASS
    assert exit_code_of_record(_result(Verdict.INVALID)) is ExitCode.INVALID
    assert exit_code_of_record(_result(Verdict.PASS, status="interrupted")) is ExitCode.INTERRUPTED


def _answers(monkeypatch: pytest.MonkeyPatch, *results: Result) -> list[Question]:
    queue = iter(results)
    monkeypatch.setattr(measuring, "answer", lambda *_, **__: (next(queue), Path("out")))
    return [Question(Opened(Scenario(), {}, {})) for _ in results]


def test_the_worst_of_several_scenarios_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for verdicts, code in (
        ((Verdict.PASS, Verdict.INCONCLUSIVE), ExitCode.INCONCLUSIVE),
        ((Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS), ExitCode.FAIL),
        ((Verdict.FAIL, Verdict.INVALID), ExitCode.INVALID),
        ((Verdict.PASS, Verdict.PASS), ExitCode.PASS),
    ):
        assert answer_all(_answers(monkeypatch, *map(_result, verdicts)), OPTIONS) == code


def test_an_interrupt_ends_the_row_of_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = _answers(monkeypatch, _result(Verdict.PASS, status="interrupted"), _result(Verdict.FAIL))
    assert answer_all(questions, OPTIONS) == ExitCode.INTERRUPTED


def test_json_is_one_document_and_alone_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_all(_answers(monkeypatch, _result(Verdict.PASS)), replace(OPTIONS, as_json=True))
    said = capsys.readouterr()
    assert json.loads(said.out)["judgement"]["verdict"] == "pass"
    assert said.err.startswith("PASS ")

    two = replace(OPTIONS, as_json=True, scenarios=("a", "b"))
    answer_all(_answers(monkeypatch, _result(Verdict.PASS), _result(Verdict.FAIL)), two)
    assert [each["judgement"]["verdict"] for each in json.loads(capsys.readouterr().out)] == ["pass", "fail"]


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
    absent = max(os.sched_getaffinity(0)) + 1
    for key in ("cpus", "driver_cpus"):
        server = Scenario().server.model_copy(update={key: (absent,)})
        with pytest.raises(UsageError, match=f"CPU {absent} is not among"):
            measuring.check_all([Question(Opened(Scenario(server=server), {}, {}))])


def test_a_bad_trace_of_any_scenario_is_found_before_the_first_is_measured(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text("1\n0\n")
    bad = Scenario(load=Load(arrivals="trace", trace=str(trace)))
    questions = (Question(Opened(Scenario(), {}, {})), Question(Opened(bad, {}, {})))
    with pytest.raises(UsageError, match=r"trace:2: 0 comes after 1"):
        measuring.check_all(questions)


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
