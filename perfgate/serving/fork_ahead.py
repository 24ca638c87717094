"""A fork server that is started before perfgate's own imports.

The import of TensorFlow is the longest wait of a run. It takes place during perfgate's own imports, which take half as
long, and during its checks. This module must import little.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeAlias

from perfgate.scenario.schema import Scenario
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.in_process import InProcessLauncher

ForkServer: TypeAlias = EmbeddedForkServer | InProcessLauncher


def fork_server(
    scenario: Scenario, environ: Mapping[str, str], log: Path | None, cpus: Collection[int]
) -> ForkServer | None:
    """Start the parent of the scenario's servers; None if its target forks none."""
    huge_pages = scenario.server.huge_pages
    if scenario.target.kind == "embedded":
        rest = scenario.target.protocol == "rest"
        return EmbeddedForkServer(environ, log, huge_pages=huge_pages, cpus=cpus, rest=rest)
    if scenario.target.kind == "in_process":
        return InProcessLauncher(environ, log, huge_pages=huge_pages, cpus=cpus)
    return None


class Ahead:
    """At most one fork server that has not been taken yet."""

    def __init__(self) -> None:
        self._made: ForkServer | None = None
        self._fits: tuple[str, str, bool] | None = None

    def make(self, scenario: Scenario, environ: Mapping[str, str], cpus: Collection[int]) -> None:
        """Start a fork server for the scenario, if its target is forked."""
        self._fits, self._made = _settings(scenario), fork_server(scenario, environ, None, cpus)

    def take(self, scenario: Scenario, log: Path) -> ForkServer | None:
        """Hand over the fork server, with its output going to `log`; None if none fits the scenario."""
        if self._made is None or self._fits != _settings(scenario):
            return None
        taken, self._made = self._made, None
        taken.log_to(log)
        return taken

    def stop(self) -> None:
        """End a fork server that was not taken."""
        if self._made is not None:
            self._made.stop()
            self._made = None


def _settings(scenario: Scenario) -> tuple[str, str, bool]:
    """Return everything in which two fork servers of one perfgate can differ."""
    return scenario.target.kind, scenario.target.protocol, scenario.server.huge_pages
