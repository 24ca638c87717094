from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from perfgate.gate.stopping import Standing
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.report.terminal.live import LiveProgress, View
from perfgate.results.progress import Phase
from tests.report import example

EXECUTING = Phase("executions inside the servers", 27.0, 18.0)


def _metrics() -> tuple[MetricVerdict, ...]:
    """Return twelve: passed, failed, undecided, one without any number yet, and differences in units."""
    results = (example.failing(), example.inconclusive(), example.leaking())
    found = {each.metric: each for result in results if result.judgement for each in result.judgement.metrics}
    first, *others = found.values()
    wild = replace(first, effect=replace(first.effect, lower=-1.0, upper=5e28), verdict=Verdict.INCONCLUSIVE)
    return (wild, *others[:11])


METRICS = _metrics()
STANDING = Standing(METRICS, (), 14)


def _shown(view: View, width: int = 80, height: int = 30, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=stream, width=width, height=height, force_terminal=True, color_system=None).print(view)
    return raw.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_twelve_metrics_fit_each_width_a_line_each(width: int) -> None:
    first, count, head, *rows = _shown(View(EXECUTING, 9.0, 0.0, STANDING), width)
    assert max(map(len, (first, count, head, *rows))) <= width
    assert "executions inside the servers" in first
    assert first.endswith("at most 36 s left")
    assert count == f"{STANDING.decided} of 14 metrics decided"
    assert len(rows) == len(METRICS) == 12
    for row, metric in zip(rows, METRICS, strict=True):
        assert row.startswith(metric.metric)
        assert row.count("[") == row.count("]") == 1
        word = "undecided" if metric.verdict is Verdict.INCONCLUSIVE else metric.verdict.value
        assert row.rstrip().endswith(word)


@pytest.mark.parametrize("width", [1, 10, 20, 39, 59])
@pytest.mark.parametrize("height", [1, 5, 30])
def test_a_narrow_or_low_terminal_loses_text_and_not_its_lines(width: int, height: int) -> None:
    assert max(map(len, _shown(View(EXECUTING, 9.0, 0.0, STANDING), width, height))) <= width


def test_a_low_terminal_shows_what_is_undecided() -> None:
    lines = _shown(View(EXECUTING, 9.0, 0.0, STANDING), 120, 9)
    assert len(lines) == 8
    undecided = ["undecided" in line for line in lines[3:-1]]
    assert undecided == sorted(undecided, reverse=True)
    assert undecided[0]
    assert lines[-1] == "and 8 more"


def test_the_time_left_counts_this_phase_and_all_after_it() -> None:
    lefts = [_shown(View(EXECUTING, done, 0.0, Standing()))[0][-17:] for done in (0, 9.5, 27, 99)]
    assert lefts == ["at most 45 s left", "at most 36 s left", "at most 18 s left", "at most 18 s left"]
    assert "about to end" in _shown(View(Phase("load", 9.0), 9.5, 36.0, Standing()))[0]


def test_servers_are_counted_where_no_time_is_known() -> None:
    (line,) = _shown(View(Phase("start 24 servers", later_s=61.2, servers=24), 7, 0.0, Standing()))
    assert line.startswith("start 24 servers ━")
    assert line.endswith("7 of 24, then at most 1 min 2 s")


@pytest.mark.parametrize("width", [60, 120])
def test_a_terminal_that_knows_ascii_only_gets_ascii(width: int) -> None:
    lines = _shown(View(EXECUTING, 9.0, 0.0, STANDING), width, encoding="ascii")
    assert any("execute_ms" in line for line in lines)


def test_objectives_count_too() -> None:
    result = example.no_baseline()
    assert result.judgement is not None
    standing = Standing((), result.judgement.objectives, 2)
    _, count, _, *rows = _shown(View(EXECUTING, 1.0, 0.0, standing), 120)
    assert count == "2 of 2 objectives decided"
    assert "at most 20 ms" in " ".join(rows)


def _ticks(step_s: float) -> Iterator[float]:
    now_s = 0.0
    while True:
        yield now_s
        now_s += step_s


def _live(step_s: float) -> tuple[LiveProgress, io.StringIO]:
    stream = io.StringIO()
    ticks = _ticks(step_s)
    console = Console(file=stream, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    return LiveProgress(console, lambda: next(ticks)), stream


def test_intervals_narrow_on_the_screen_and_stay_from_phase_to_phase() -> None:
    live, stream = _live(1.0)
    narrow = replace(METRICS[1], effect=replace(METRICS[1].effect, change=0.048, lower=0.041, upper=0.055))
    with live as progress:
        progress.phase(EXECUTING)
        for lower, upper in ((-0.5, 0.9), (0.041, 0.055)):
            looked_at = replace(narrow, effect=replace(narrow.effect, lower=lower, upper=upper))
            progress.stands(Standing((looked_at,), (), 4))
            progress.update(lambda: 12.0)
        progress.phase(Phase("single requests", 9.0, 9.0))
    shown = stream.getvalue()
    assert shown.index("[-50.0, +90.0]") < shown.index("[+4.1, +5.5]") < shown.index("single requests")
    assert "[+4.1, +5.5]" in shown[shown.index("single requests") :]


def test_a_terminal_is_redrawn_twice_a_second_at_most_and_only_then_asks_how_far_it_is() -> None:
    live, stream = _live(0.01)
    asked = 0

    def done() -> float:
        nonlocal asked
        asked += 1
        return asked / 100

    with live as progress:
        progress.phase(Phase("cost/[execute]", 30.0))
        for _ in range(100):
            progress.update(done)
    assert 2 <= stream.getvalue().count("cost/[execute]") <= 4
    assert asked <= 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_cursor_comes_back_however_it_ends(error: type[BaseException]) -> None:
    live, stream = _live(1.0)

    def end() -> None:
        with live as progress:
            progress.phase(EXECUTING)
            raise error

    with pytest.raises(error):
        end()
    hidden, shown = (stream.getvalue().rfind(code) for code in ("\x1b[?25l", "\x1b[?25h"))
    assert 0 <= hidden < shown
