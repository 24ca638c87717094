"""Launchers and drivers for a comparison's target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import quote

from perfgate.experiment.plan import EXECUTING
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.in_process import InProcessDriver
from perfgate.loadgen.interface import Driver
from perfgate.loadgen.workers import Workers, open_driver
from perfgate.pipeline.comparison import Comparison
from perfgate.scenario.schema import Scenario
from perfgate.serving.command import CommandLauncher
from perfgate.serving.endpoint import EndpointLauncher, EndpointReplica
from perfgate.serving.fork_ahead import Ahead, fork_server
from perfgate.serving.in_process import InProcessReplica
from perfgate.serving.interface import Launcher, Replica


def launcher_of(
    comparison: Comparison, environ: Mapping[str, str], log: Path, cpus: Collection[int], ahead: Ahead
) -> Callable[[int], Launcher]:
    """Return a function that makes the scenario's launcher, by its number; one started ahead is used first."""
    scenario = comparison.scenario
    kind = scenario.target.kind

    def make(_: int) -> Launcher:
        if kind == "command":
            return CommandLauncher(scenario.target, environ, log, cpus)
        if (forking := ahead.take(scenario, log) or fork_server(scenario, environ, log, cpus)) is not None:
            return forking
        return EndpointLauncher(scenario.target, comparison.subjects)

    return make


def at_once(scenario: Scenario, cpus: Collection[int], cores: float | None) -> int:
    """Return how many servers can be started at once: one for each CPU if they are forked."""
    if scenario.target.kind not in EXECUTING:
        return 1  # an external server may use all CPUs to start
    free = len(scenario.server.cpus or cpus)
    return max(1, free if cores is None else min(free, int(cores)))


def driver_of(server: Replica, scenario: Scenario, deadline_s: float, workers: Workers) -> Driver:
    """Make one server's driver, connected before the first request is timed."""
    if isinstance(server, InProcessReplica):
        return InProcessDriver(server, deadline_s)
    driver = open_driver(_endpoint(server, scenario, deadline_s), workers)
    driver.connect()
    return driver


def _endpoint(server: Replica, scenario: Scenario, deadline_s: float) -> ServerAddress:
    target, tls, name = scenario.target, None, quote(scenario.target.model_name, safe="")
    if isinstance(server, EndpointReplica):
        name = server.peer.path.removeprefix("/v1/models/")
        tls = server.peer.tls
    return ServerAddress(
        address=server.address,
        rest_address=server.rest_address,
        protocol=target.protocol,
        model_name=name,
        tls=tls,
        metadata=target.metadata,
        deadline_s=deadline_s,
        connections=scenario.load.connections,
    )
