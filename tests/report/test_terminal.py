from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.gate.verdict import Verdict
from perfgate.report.rows import gate_rows
from perfgate.report.terminal.result import final_line, print_result
from perfgate.results.result import ModelFacts, Result
from perfgate.scenario.severity import Severity
from perfgate.trials import Arm
from tests.report import example


def _printed(
    result: Result, width: int = 120, *, colour: bool = False, encoding: str = "utf-8", every_metric: bool = True
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, force_terminal=colour, _environ={"TERM": "xterm"})
    print_result(console, result, every_metric=every_metric)
    return raw.getvalue().decode(encoding)


def test_the_final_line_is_verdict_headline_and_report() -> None:
    result = example.failing()
    assert result.judgement
    headline = "latency_p99_ms +12.4% [+8.1, +16.9] > 5%"
    result = replace(result, judgement=replace(result.judgement, headline=headline))
    assert final_line(result, Path("reports/r1/report.html")) == f"FAIL {headline}  report: reports/r1/report.html"
    assert final_line(result, None) == f"FAIL {headline}"


def test_the_final_line_says_when_nothing_was_judged() -> None:
    assert final_line(example.interrupted(), None) == "INTERRUPTED nothing was judged"
    assert final_line(example.invalid(), None).startswith("INVALID the server of candidate replica 3 died")


def test_the_final_line_is_one_line_without_control_codes() -> None:
    line = final_line(example.hostile(), Path("a\nb"))
    assert line.isprintable()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("build", example.EVERY)
def test_everything_fits_the_width(build: Callable[[], Result], width: int) -> None:
    lines = _printed(build(), width).splitlines()
    assert lines
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [60, 80, 200])
def test_metric_change_interval_and_verdict_stand_in_one_line_at_any_width(width: int) -> None:
    line = next(
        line for line in _printed(example.failing(), width).splitlines() if line.startswith("cpu_ms_per_request")
    )
    assert all(part in line for part in ("+13.3%", "[+12.3, +14.3]", "2.5%", "FAIL"))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_metric_has_a_line_of_its_own_with_its_verdict_however_long_its_name(width: int) -> None:
    result = example.failing()
    assert result.judgement is not None
    metrics = result.judgement.metrics
    longest = replace(metrics[-1], metric="context_switches_per_request", verdict=Verdict.INCONCLUSIVE)
    undecided = replace(metrics[1], verdict=Verdict.INCONCLUSIVE)
    judgement = replace(result.judgement, metrics=(metrics[0], undecided, *metrics[2:-1], longest))
    shown = replace(result, judgement=judgement)
    lines = _printed(shown, width).splitlines()
    for row in gate_rows(shown):
        (line,) = (line for line in lines if line.split()[:1] == [row.metric] and row.interval in line)
        assert row.word.lower() in line.lower()


@pytest.mark.parametrize("width", [60, 66, 80, 92, 200])
def test_no_objective_is_cut_whatever_it_is_called(width: int) -> None:
    result = example.passing()
    assert result.judgement is not None
    first, second = result.judgement.objectives
    longest = replace(first, metric="context_switches_per_request", bound=1234.5, value=1000.4, lower=900.0)
    leak = replace(second, metric="rss_growth_mb_per_1k", verdict=Verdict.INCONCLUSIVE, severity=Severity.WARN)
    judgement = replace(result.judgement, objectives=(longest, leak))
    text = _printed(replace(result, judgement=judgement), width)
    table = text.partition("\nobjective ")[2].partition("\n\n")[0]
    lines = table.splitlines()
    assert max(map(len, lines)) <= width
    assert " candidate" in lines[0]
    for name, parts in (
        ("context_switches_per_request", ("at most", "1,234", "1,000", "pass")),
        ("rss_growth_mb_per_1k", ("at least", "300", "441", "inconclusive", "(warn)")),
    ):
        assert any(line.split()[:1] == [name] for line in lines)
        assert all(part in table for part in parts)


@pytest.mark.parametrize("width", [1, 20, 40, 59])
@pytest.mark.parametrize("build", example.EVERY)
def test_a_narrow_terminal_crashes_nothing(build: Callable[[], Result], width: int) -> None:
    assert max(map(len, _printed(build(), width).splitlines())) <= width


@pytest.mark.parametrize("width", [60, 66, 72, 80, 92, 100, 118, 140])
@pytest.mark.parametrize("build", [example.failing, example.leaking])
def test_no_interval_is_cut_however_wide_it_is(build: Callable[[], Result], width: int) -> None:
    result = build()
    assert result.judgement is not None
    first, *others = result.judgement.metrics
    wild = replace(first, effect=replace(first.effect, change=87.654, lower=-0.999, upper=12_345.678))
    judgement = replace(result.judgement, metrics=(wild, *others))
    table = _printed(replace(result, judgement=judgement), width).partition("metric ")[2].partition("\nobjective ")[0]
    assert table.count("[") == table.count("]") == len(gate_rows(result))
    assert max(map(len, table.splitlines())) <= width


def test_failures_come_first_and_what_is_not_gated_last() -> None:
    words = _printed(example.failing())
    places = [words.index(word) for word in ("cpu_ms_per_request", "rss_peak_mb", "not gated", "pss_mb")]
    assert places == sorted(places)


def test_what_is_not_gated_is_counted_unless_it_is_asked_for() -> None:
    few, all_of_it = (_printed(example.failing(), every_metric=asked) for asked in (False, True))
    others = [row.metric for row in gate_rows(example.failing()) if not row.gated]
    assert f"{len(others)} more metrics measured but not gated" in few
    assert "pss_mb" in others
    assert "pss_mb" not in few
    assert "rss_peak_mb" in few
    assert "pss_mb" in all_of_it
    assert "more, measured" not in all_of_it


def test_where_nothing_is_gated_all_is_shown() -> None:
    result = example.failing()
    assert result.judgement is not None
    off = tuple(replace(metric, severity=Severity.OFF) for metric in result.judgement.metrics)
    shown = _printed(replace(result, judgement=replace(result.judgement, metrics=off)), every_metric=False)
    assert "pss_mb" in shown
    assert "more, measured" not in shown


def test_stored_numbers_stand_where_the_baseline_would() -> None:
    first, second, *rest = _printed(example.stored_numbers(), 200).splitlines()
    assert first.split()[:5] == ["baseline", "stored", "numbers", "of", "prod"]
    assert second.startswith("candidate")
    assert any(line.startswith("Compared with the stored numbers of prod") for line in rest)


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in _printed(example.failing(), colour=False)
    assert "\x1b[" in _printed(example.failing(), colour=True)


def test_hostile_words_are_shown_and_do_nothing() -> None:
    words = _printed(example.hostile())
    assert "\x1b" not in words
    assert "[bold]" in words


def test_a_console_that_knows_ascii_only_gets_ascii() -> None:
    assert "caution" in _printed(example.hostile(), encoding="ascii")


def test_undecided_metrics_say_what_would_decide() -> None:
    words = _printed(example.inconclusive(), 200)
    assert "service_mean_ms is inconclusive: the interval reaches over the tolerance of 5%; about 90 s more" in words
    assert "remedy run on a quieter machine" in words


def test_of_a_running_server_the_digest_of_its_signatures_stands_without_a_size() -> None:
    result = example.no_baseline()
    endpoint = ModelFacts("grpc://h:1/m", "grpc://h:1/m", "metadata-sha256:" + "c3" * 32, 1, 0.0)
    words = _printed(replace(result, models={Arm.CANDIDATE: endpoint}))
    first = words.splitlines()[0]
    assert first.split() == ["candidate", "grpc://h:1/m", "metadata-sha256:c3c3c3c3c3c3"]


def test_one_arm_alone_is_described() -> None:
    words = _printed(example.no_baseline())
    assert "execute_ms" in words
    assert "at most 20 ms" in words
    assert "baseline" not in words


@pytest.mark.parametrize("width", [60, 200])
def test_what_is_compared_by_difference_is_shown_in_its_unit(width: int) -> None:
    lines = _printed(example.leaking(), width).splitlines()
    leak, lost = (next(line for line in lines if line.startswith(name)) for name in ("rss_growth", "error_rate"))
    assert all(part in leak for part in ("+0.98", "[+0.91, +1.05]", "FAIL"))
    assert all(part in lost for part in ("+1.2", "[+0.4, +2.1]", "inconclusive"))
    assert "%" not in leak
    power = " ".join(" ".join(lines).split())
    assert "rss_growth_mb_per_1k 0.65 MiB/1k requests" in power
    assert "error_rate 1.3 pp" in power
