"""A fork server that is started before perfgate's own imports.

The import of TensorFlow is the longest wait of a run. It takes place during perfgate's own imports, which take half as
long, and during its checks. This module must import little.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from perfgate.scenario.schema import Scenario
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
from perfgate.serving.in_process import InProcessLauncher
from perfgate.serving.interface import Launcher, ReplicaSpec

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

    def take(self, scenario: Scenario, log: Path) -> Launcher | None:
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


@dataclass(frozen=True, slots=True)
class Lent:
    """A fork server that outlives the run which it is lent to; the run's servers end with the run."""

    owned: EmbeddedForkServer

    def start(self, spec: ReplicaSpec) -> EmbeddedReplica:
        """Start one replica."""
        return self.owned.start(spec)

    def stop(self) -> None:
        """End the run's replicas."""
        self.owned.end_replicas()


class Shared(Ahead):
    """One fork server for many runs of a command, which differ in their models alone: TensorFlow is imported once."""

    def __init__(self, ahead: Ahead, environ: Mapping[str, str], cpus: Collection[int]) -> None:
        super().__init__()
        self._ahead, self._environ, self._cpus = ahead, environ, cpus
        self._owned: EmbeddedForkServer | None = None

    def take(self, scenario: Scenario, log: Path) -> Launcher | None:
        """Lend the fork server, which the first run makes; None if the target is not forked like this."""
        if self._owned is None:
            made = self._ahead.take(scenario, log) or fork_server(scenario, self._environ, log, self._cpus)
            if not isinstance(made, EmbeddedForkServer):
                return made
            self._owned = made
        return Lent(self._owned)

    def stop(self) -> None:
        """End it."""
        if self._owned is not None:
            self._owned.stop()
            self._owned = None


def _settings(scenario: Scenario) -> tuple[str, str, bool]:
    """Return everything in which two fork servers of one perfgate can differ."""
    return scenario.target.kind, scenario.target.protocol, scenario.server.huge_pages
