from __future__ import annotations

import io

import pytest
from rich.console import Console

from perfgate.gate.stopping import Standing
from perfgate.report.terminal.live import LiveProgress, make_progress
from perfgate.report.terminal.progress import LineProgress
from perfgate.results.progress import Phase, RecordingProgress, SilentProgress
from perfgate.trials import Caution


def _console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    environment = {"TERM": "xterm"}
    return Console(file=stream, force_terminal=terminal, width=80, _environ=environment), stream


@pytest.mark.parametrize(
    ("live", "quiet", "kind"),
    [(True, False, LiveProgress), (False, False, LineProgress), (True, True, SilentProgress)],
)
def test_the_kind_follows_the_terminal_and_the_options(live: bool, quiet: bool, kind: type[object]) -> None:
    console, _ = _console(terminal=True)
    assert type(make_progress(console, live=live, quiet=quiet)) is kind


def test_a_log_gets_one_plain_line_a_phase() -> None:
    console, stream = _console(terminal=False)
    with make_progress(console, live=False, quiet=False) as progress:
        progress.phase(Phase("start 8 servers", later_s=45.0, servers=8))
        progress.phase(Phase("cost/[execute]", 27.0, 18.0))
        for done_s in range(27):
            progress.update(lambda: done_s)  # noqa: B023 - called at once or never
            progress.stands(Standing(total=4))
    assert stream.getvalue() == "perfgate: start 8 servers\nperfgate: cost/[execute], at most 27 s\n"


def test_quiet_says_nothing() -> None:
    console, stream = _console(terminal=True)
    with make_progress(console, live=True, quiet=True) as progress:
        progress.phase(Phase("start", servers=1))
        progress.update(lambda: 1.0)
        progress.stands(Standing())
    assert stream.getvalue() == ""


def test_the_recording_fake_keeps_all() -> None:
    fake = RecordingProgress()
    phase, standing = Phase("start"), Standing(total=3)
    with fake as progress:
        progress.phase(phase)
        progress.update(lambda: 1.0)
        progress.stands(standing)
    assert (fake.phases, fake.updates, fake.standings) == ([phase], 1, [standing])


TOO_FEW = Caution("too few requests", "latency_p99_ms needs 2,000 requests", "set load.replicas = 4")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_caution_is_printed_at_once_with_its_remedy(terminal: bool) -> None:
    console, stream = _console(terminal=terminal)
    with make_progress(console, live=terminal, quiet=False) as progress:
        progress.phase(Phase("start"))
        progress.tell(TOO_FEW)
        said = stream.getvalue()
    assert "perfgate: caution: latency_p99_ms needs 2,000 requests: set load.replicas = 4" in said
    assert said.index("caution") > said.index("start") or terminal


def test_quiet_keeps_cautions_to_itself() -> None:
    console, stream = _console(terminal=True)
    with make_progress(console, live=True, quiet=True) as progress:
        progress.tell(TOO_FEW)
    assert stream.getvalue() == ""
