"""The real world of a run: servers, drivers, observers and clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from perfgate.experiment.world import World
from perfgate.loadgen.workers import Workers
from perfgate.observe.choose import observer_of, thread_cpu_ms_of
from perfgate.observe.machine import MachineAccounts, available_mib
from perfgate.observe.sampling import Sampler
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.targets import at_once, driver_of, launcher_of

SERVER_LOG = "servers.log"


def world_of(  # noqa: PLR0913, PLR0917 - what a run touches comes from many places
    comparison: Comparison,
    out: Path,
    host: Host,
    cpus: Collection[int],
    environment: Mapping[str, Any],
    workers: Workers,
) -> World:
    """Make everything that a run of the comparison needs; `cpus`: those that its servers may use."""
    with suppress(OSError):  # the recorder reports what is wrong with the directory
        (out / SERVER_LOG).unlink(missing_ok=True)
    scenario = comparison.scenario
    return World(
        launcher=launcher_of(comparison, host.environ, out / SERVER_LOG, cpus, host.ahead),
        driver=lambda server, deadline_s: driver_of(server, scenario, deadline_s, workers),
        observer=observer_of,
        clock=host.clock,
        machine=MachineAccounts(),
        sampler=Sampler,
        threads=thread_cpu_ms_of,
        at_once=at_once(scenario, cpus, environment["cores"]),
        available_mib=available_mib,
        host=workers.transport.host,
        load_workers=lambda: workers.facts,
    )
