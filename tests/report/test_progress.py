from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from perfgate.report.progress import LineProgress, LiveProgress, RecordingProgress, SilentProgress, make_progress
from perfgate.trials import Caution


def _console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    environment = {"TERM": "xterm"}
    return Console(file=stream, force_terminal=terminal, width=80, _environ=environment), stream


@pytest.mark.parametrize(
    ("terminal", "enabled", "quiet", "kind"),
    [
        (True, True, False, LiveProgress),
        (True, False, False, LineProgress),
        (False, True, False, LineProgress),
        (True, True, True, SilentProgress),
    ],
)
def test_the_kind_follows_the_terminal_and_the_options(
    terminal: bool, enabled: bool, quiet: bool, kind: type[object]
) -> None:
    console, _ = _console(terminal=terminal)
    assert type(make_progress(console, enabled=enabled, quiet=quiet)) is kind


def test_a_log_gets_one_plain_line_a_phase() -> None:
    console, stream = _console(terminal=False)
    with make_progress(console, enabled=True, quiet=False) as progress:
        progress.phase("start", None)
        progress.phase("cost/execute", 27.0)
        for done_s in range(27):
            progress.update(done_s, [("execute_ms", "+4.8% [+4.1, +5.5] fail so far")])
    assert stream.getvalue() == "perfgate: start\nperfgate: cost/execute, about 27 s\n"


def test_quiet_says_nothing() -> None:
    console, stream = _console(terminal=True)
    with make_progress(console, enabled=True, quiet=True) as progress:
        progress.phase("start", 1.0)
        progress.update(1.0, [])
    assert stream.getvalue() == ""


def _ticks(step_s: float) -> Iterator[float]:
    now_s = 0.0
    while True:
        yield now_s
        now_s += step_s


def test_a_terminal_sees_the_phase_the_time_left_and_what_is_decided() -> None:
    console, stream = _console(terminal=True)
    ticks = _ticks(1.0)
    with LiveProgress(console, lambda: next(ticks)) as progress:
        progress.phase("cost/[execute]", 30.0)
        progress.update(12.0, [("execute_ms", "+4.8% [+4.1, +5.5] fail so far")])
    shown = stream.getvalue()
    assert "cost/[execute]" in shown
    assert "18 s left" in shown
    assert "execute_ms +4.8% [+4.1, +5.5] fail so far" in shown


def test_a_terminal_is_redrawn_twice_a_second_at_most() -> None:
    console, stream = _console(terminal=True)
    ticks = _ticks(0.01)
    with LiveProgress(console, lambda: next(ticks)) as progress:
        progress.phase("cost/execute", 30.0)
        for done in range(100):
            progress.update(done / 100, [])
    assert 2 <= stream.getvalue().count("cost/execute") <= 4


def test_the_recording_fake_keeps_all() -> None:
    fake = RecordingProgress()
    with fake as progress:
        progress.phase("start", None)
        progress.update(1.0, [("a", "b")])
    assert fake.phases == [("start", None)]
    assert fake.updates == [(1.0, (("a", "b"),))]


TOO_FEW = Caution("too few requests", "latency_p99_ms needs 2,000 requests", "set load.replicas = 4")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_caution_is_told_at_once_with_its_remedy(terminal: bool) -> None:
    console, stream = _console(terminal=terminal)
    with make_progress(console, enabled=True, quiet=False) as progress:
        progress.phase("start", None)
        progress.tell(TOO_FEW)
        said = stream.getvalue()
    assert "perfgate: caution: latency_p99_ms needs 2,000 requests: set load.replicas = 4" in said
    assert said.index("caution") > said.index("start") or terminal


def test_quiet_keeps_cautions_to_itself() -> None:
    console, stream = _console(terminal=True)
    with make_progress(console, enabled=True, quiet=True) as progress:
        progress.tell(TOO_FEW)
    assert stream.getvalue() == ""
