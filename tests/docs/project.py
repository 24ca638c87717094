"""A project directory as the pages assume it, and the runner of their commands there.

`perfgate` runs in this process, with real servers, real load and a real store, on short budgets: fork servers are kept
(`standing`), turns of the load are short, and so a comparison takes three seconds instead of twelve. Other programs run
in a shell.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from perfgate.baseline.store import Store
from perfgate.capacity.reference_queue import Arrivals, ReferenceQueue
from perfgate.cli import app, calibrate, serve
from perfgate.errors import ExitCode
from perfgate.experiment import plan
from perfgate.pipeline import rate_search
from perfgate.serving import embedded, fork_ahead
from tests.docs.pages import ROOT, Command

SHORT = {"PERFGATE_BUDGET": "500ms", "PERFGATE_REPLICAS": "2", "PERFGATE_NO_PROGRESS": "1"}
_AUTHOR = {f"GIT_{who}_{what}": "reader@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_SHORT_TURN_S = (0.1, 0.3)
_SIMULATED = 20_000
"""Requests simulated for each point of a table, not a million: a tenth of a second of load needs no such precision."""
_NEEDS_A_SHELL = re.compile(r"[|>&;]")
PREPARED = {
    "perfgate baseline record models/v1 --name prod --scenario ranking": "reports/BEFORE",
    "perfgate compare models/v1 models/v2 --scenario ranking": "reports/RUN",
}
"""What has run in a project before its page begins, and the location of the results."""
_PURE = re.compile(r"perfgate (compare|calibrate) (?!.*(--out|--junit|--metrics))")
_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Project:
    """One directory, in which commands run one after the other."""

    ran: ClassVar[set[tuple[str, ...]]] = set()
    """Commands that have run, on any page, and change nothing for later ones: they run once."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def copy(self, home: Path) -> Project:
        """Start another project with a copy of these files."""
        shutil.copytree(self.home, home, symlinks=True)
        return Project(home)

    def run_all(self, commands: Sequence[Command]) -> None:
        """Run them in order; AssertionError at the first one with a disallowed exit code."""
        if not commands:
            return
        first, *rest = commands
        if first.words[:2] == ("perfgate", "serve"):
            _serve(first, lambda: self.run_all(rest), self.home)
            return
        if not self._has_run(first):
            self._check(first, self.run(first.line))
            Project.ran.add(first.words)
        self.run_all(rest)

    def _has_run(self, command: Command) -> bool:
        prepared = " ".join(command.words) in PREPARED and (self.home / "reports" / "RUN").exists()
        return prepared or (bool(_PURE.match(command.line)) and command.words in Project.ran)

    def _check(self, command: Command, ended: Ended) -> None:
        if ended.code == ExitCode.INVALID and "load generator" in ended.err:
            return  # other work on the machine can make any short run invalid
        assert ended.code in command.exits, f"{command.line}\nexit code {ended.code}\n{ended.out}\n{ended.err}"

    def run(self, line: str) -> Ended:
        """Run one line."""
        line = self._filled_in(line)
        program = line.split()[0]
        if shutil.which(program, path=_PATH) is None:
            pytest.skip(f"{program} is not installed")
        if program != "perfgate" or _NEEDS_A_SHELL.search(Command(line, frozenset()).line.split(" #")[0]):
            shell = ["bash", "-c", line]
            environment = {**os.environ, **_AUTHOR, "PATH": _PATH, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                shell, cwd=self.home, env=environment, capture_output=True, text=True, check=False, timeout=120
            )
            return Ended(done.returncode, done.stdout, done.stderr)
        return _in_this_process(Command(line, frozenset()).words[1:], self.home)

    def _filled_in(self, line: str) -> str:
        """Fill in what only the reader knows: the id of a record, the fingerprint of the machine."""
        if not re.search(r"\b(ID|FINGERPRINT)\b", line):
            return line
        newest = Store(str(self.home / "baselines")).list()[-1]
        return re.sub(r"\bFINGERPRINT\b", newest.fingerprint, re.sub(r"\bID\b", newest.id, line))


def _in_this_process(words: Sequence[str], home: Path) -> Ended:
    with (
        contextlib.chdir(home),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        code = app.main(words)
    out.seek(0)
    return Ended(code, out.read(), err.getvalue())


def _serve(command: Command, while_serving: Callable[[], None], home: Path) -> None:
    """Serve, run the rest of the block once the server is ready, and end with ^C."""
    for port in (8500, 8501):
        _wait_until_free(port)

    class Clock:
        @staticmethod
        def sleep(_: float) -> None:
            while_serving()
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "time", Clock)
        ended = _in_this_process(command.words[1:], home)
    assert ended.code == 0, f"{command.line}\n{ended.err}"
    assert "serving " in ended.out


def _wait_until_free(port: int) -> None:
    """Wait for a server that was just stopped; a port in use by another process is no fault of the page."""
    for _ in range(30):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.skip(f"port {port} is taken")


def _coarse_queue(bound_s: float, lead_in_s: float, arrivals: Arrivals, seed: int, _: int) -> ReferenceQueue:
    return ReferenceQueue(bound_s, lead_in_s, arrivals, seed, _SIMULATED)


def short_runs(patch: pytest.MonkeyPatch, fork_server: Callable[..., embedded.EmbeddedForkServer]) -> None:
    """Make every run short."""
    for name, value in SHORT.items():
        patch.setenv(name, value)
    for name in ("PERFGATE_STORE", "PERFGATE_BASELINE", "PERFGATE_SCENARIO", "PERFGATE_OUT"):
        patch.delenv(name, raising=False)
    for turns in ("_TURN_S", "_CLOSED_TURN_S"):
        patch.setattr(plan, turns, _SHORT_TURN_S)
    patch.setattr(rate_search, "ReferenceQueue", _coarse_queue)
    runs = next(option for option in calibrate.command.params if option.name == "runs")
    patch.setattr(runs, "default", 1)
    patch.setattr(fork_ahead, "EmbeddedForkServer", fork_server)
    patch.setattr(embedded, "EmbeddedForkServer", fork_server)
