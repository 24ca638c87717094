"""The fork server of the first run, started before perfgate imports what it needs itself.

The import of TensorFlow is the longest wait of a run. It goes on beside perfgate's own imports, which take half as
long, and beside its checks. This module must import little.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

from perfgate.cli.open_files import allow_open_files
from perfgate.errors import PerfgateError
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Scenario
from perfgate.serving.embedded.launch import EmbeddedForkServer
from perfgate.serving.in_process import InProcessLauncher

ForkServer: TypeAlias = EmbeddedForkServer | InProcessLauncher

SCENARIOS = (Path("scenarios"),)


def fork_server(
    scenario: Scenario, environ: Mapping[str, str], log: Path | None, cpus: Collection[int]
) -> ForkServer | None:
    """Start the parent of the scenario's servers; None where its target forks none."""
    huge_pages = scenario.server.huge_pages
    if scenario.target.kind == "embedded":
        rest = scenario.target.protocol == "rest"
        return EmbeddedForkServer(environ, log, huge_pages=huge_pages, cpus=cpus, rest=rest)
    if scenario.target.kind == "in_process":
        return InProcessLauncher(environ, log, huge_pages=huge_pages, cpus=cpus)
    return None


class Ahead:
    """At most one fork server that nobody has taken yet."""

    def __init__(self) -> None:
        self._made: ForkServer | None = None
        self._fits: tuple[str, str, bool] | None = None

    def make(self, scenario: Scenario, environ: Mapping[str, str], cpus: Collection[int]) -> None:
        """Start the one that the scenario needs, if its target is forked."""
        self._fits, self._made = _settings(scenario), fork_server(scenario, environ, None, cpus)

    def take(self, scenario: Scenario, log: Path) -> ForkServer | None:
        """Give it away, to say what it says to `log`; None where there is none that fits the scenario."""
        if self._made is None or self._fits != _settings(scenario):
            return None
        taken, self._made = self._made, None
        taken.log_to(log)
        return taken

    def stop(self) -> None:
        """End one that nobody took."""
        if self._made is not None:
            self._made.stop()
            self._made = None


def _settings(scenario: Scenario) -> tuple[str, str, bool]:
    """Give all that two fork servers of one perfgate can differ in."""
    return scenario.target.kind, scenario.target.protocol, scenario.server.huge_pages


def fork_server_ahead(options: Mapping[str, Any], *models: str) -> Ahead:
    """Start the first scenario's fork server, unless it is plain to see that nothing will be measured.

    If nobody takes it, it ends with the command. What is wrong with a scenario or a MODEL is said by whoever needs it.
    """
    ahead = Ahead()
    click.get_current_context().call_on_close(ahead.stop)
    scenario = _first_scenario(options["scenarios"])
    if scenario is not None and all(Path(model).exists() for model in models):  # the URL of a server does not
        allow_open_files()
        ahead.make(scenario, os.environ, os.sched_getaffinity(0))
    return ahead


def _first_scenario(names: Sequence[str]) -> Scenario | None:
    try:
        return load_scenario(names[0] if names else None, SCENARIOS)
    except (PerfgateError, OSError):
        return None
