"""Number of files between the command and the verdict; docs/explanation/architecture.md names them.

Counted on a real command line with fakes: a file is on the way if one of its functions is on the stack while requests
are made, servers start, a server is driven, an effect is estimated, the gate decides, or the result is published.
`python -m pytest -q -s tests/cli/test_main_path.py` lists them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import perfgate
from perfgate.gate.decide import decide
from perfgate.gate.headline import headline
from perfgate.loadgen.fake import FakeDriver
from perfgate.payload.record import record_scenario
from perfgate.report.html.page import render_html
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.stats.estimate import estimate
from tests.cli.conftest import Commands

PACKAGE = Path(perfgate.__file__).parent
MILESTONES = (
    record_scenario, FakeLauncher.start, FakeReplica.execute, FakeDriver.drive, estimate, decide, headline, render_html,
)  # fmt: skip
MOST_FILES = 30


@contextmanager
def _on_the_way(*milestones: Any) -> Iterator[set[str]]:
    codes = {function.__code__ for function in milestones}
    found: set[str] = set()

    def see(frame: FrameType | None, event: str, _: object) -> None:
        if event != "call" or frame is None or frame.f_code not in codes:
            return
        while frame is not None:
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(PACKAGE) and file.name != "fake.py":
                found.add(str(file.relative_to(PACKAGE)))
            frame = frame.f_back

    sys.setprofile(see)
    try:
        yield found
    finally:
        sys.setprofile(None)


@pytest.mark.slow
def test_the_way_from_the_command_to_the_verdict_is_short(commands: Commands) -> None:
    with _on_the_way(*MILESTONES) as files:
        commands.ends("compare", "old", "slow", "-s", "s.toml", "--seed", "1", "--out", "out")
    print(*sorted(files), sep="\n")  # noqa: T201 - shown with `-s`
    assert {
        "cli/compare.py",
        "pipeline/run.py",
        "experiment/servers.py",
        "gate/decide.py",
        "stats/estimate.py",
    } <= files
    assert len(files) <= MOST_FILES
