"""From MODEL arguments and a scenario's target to what serves, drives and observes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from perfgate.cli.ahead import Ahead, fork_server
from perfgate.errors import UsageError
from perfgate.experiment.plan import EXECUTING
from perfgate.load.endpoint import Endpoint
from perfgate.load.in_process import InProcessDriver
from perfgate.load.interface import Driver
from perfgate.load.wire import Tls
from perfgate.load.workers import Workers, open_driver
from perfgate.model.interface import Model, Signature
from perfgate.model.saved_model import open_model
from perfgate.scenario.schema import Scenario
from perfgate.serving.command import CommandLauncher, check_command
from perfgate.serving.description import describe_endpoint
from perfgate.serving.endpoint import EndpointLauncher, EndpointReplica, subjects_of
from perfgate.serving.endpoint_url import EndpointUrl, is_endpoint, parse_endpoint
from perfgate.serving.in_process import InProcessReplica
from perfgate.serving.interface import Launcher, Replica
from perfgate.serving.signature_defs import written_signatures
from perfgate.trials import Arm, Subject

COMMAND_REPLICAS = 4
"""Of an arm, where nobody says: each foreign server is started on its own, and has its memory to itself."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What is asked about, and how."""

    scenario: Scenario
    """With the target that the MODEL arguments ask for."""
    models: Mapping[Arm, Model]
    subjects: Mapping[EndpointUrl, tuple[Subject, ...]]
    """Of running servers: whose CPU time and memory are theirs."""


def open_arms(scenario: Scenario, given: Mapping[Arm, str], pids: Sequence[int], cache_dir: Path) -> Opened:
    """Open each arm's MODEL: a directory or file, or the URL of a running server; UsageError where they do not fit."""
    urls = {arm: parse_endpoint(each) for arm, each in given.items() if is_endpoint(each)}
    if urls:
        return _open_endpoints(scenario, given, urls, pids, cache_dir)
    if scenario.target.signature_from or written_signatures(scenario):
        raise UsageError(
            "signatures are read from the models themselves",
            "leave --signature-from (target.signature_from) and payload.signature_def out",
        )
    if pids:
        raise UsageError("--pid is for running servers", "leave it out, or give the model as grpc://HOST:PORT/NAME")
    if scenario.target.kind == "endpoint":
        named = ", ".join(given.values())
        raise UsageError(f'{named}: the scenario\'s target is "endpoint"', "give the model as grpc://HOST:PORT/NAME")
    if scenario.target.kind == "command":
        check_command(scenario.target)
        scenario = _with_few_replicas(scenario)
    return Opened(scenario, {arm: open_model(each, cache_dir) for arm, each in given.items()}, {})


def _with_few_replicas(scenario: Scenario) -> Scenario:
    if "replicas" in scenario.budget.model_fields_set:
        return scenario
    return scenario.model_copy(
        update={"budget": scenario.budget.model_copy(update={"replicas": COMMAND_REPLICAS, "parents": 1})}
    )


def _open_endpoints(
    scenario: Scenario,
    given: Mapping[Arm, str],
    urls: Mapping[Arm, EndpointUrl],
    pids: Sequence[int],
    cache_dir: Path,
) -> Opened:
    if others := [each for arm, each in given.items() if arm not in urls]:
        raise UsageError(
            f"{others[0]} is a model on disk, and the other one a running server",
            "give two of a kind: serve it with `perfgate serve`, or name both on disk",
        )
    url, *more = urls.values()
    if any((other.protocol, len(other.addresses)) != (url.protocol, len(url.addresses)) for other in more):
        raise UsageError("the two URLs differ in protocol or in the number of servers", "ask both arms alike")
    target = scenario.target.model_copy(
        update={"kind": "endpoint", "protocol": url.protocol, "model_name": urls[Arm.CANDIDATE].model_name}
    )
    budget = scenario.budget.model_copy(update={"replicas": len(url.addresses), "parents": 1})
    subjects, left = {}, list(pids)
    for each in urls.values():
        mine, left = left[: len(each.addresses)], left[len(each.addresses) :]
        subjects[each] = subjects_of(each, target, mine)
    if left:
        raise UsageError(f"{len(pids)} --pid are more than there are servers", "give one for each address, in order")
    told = _told(scenario, cache_dir)
    models = {arm: describe_endpoint(each, target, told) for arm, each in given.items()}
    return Opened(scenario.model_copy(update={"target": target, "budget": budget}), models, subjects)


def _told(scenario: Scenario, cache_dir: Path) -> tuple[Signature, ...] | None:
    """Give the signatures that the scenario says, which then nobody asks a server for; None where it says none."""
    if (written := written_signatures(scenario)) and scenario.target.signature_from:
        raise UsageError(
            "payload.signature_def and --signature-from (target.signature_from) both say what goes in", "leave one out"
        )
    if written:
        return written
    return open_model(scenario.target.signature_from, cache_dir).signatures if scenario.target.signature_from else None


def launcher_of(
    opened: Opened, environ: Mapping[str, str], log: Path, cpus: Collection[int], ahead: Ahead
) -> Callable[[int], Launcher]:
    """Say how a launcher of the scenario's target is made, by its number; one that was made ahead comes first."""
    scenario = opened.scenario
    kind = scenario.target.kind

    def make(_: int) -> Launcher:
        if kind == "command":
            return CommandLauncher(scenario.target, environ, log, cpus)
        if (forking := ahead.take(scenario, log) or fork_server(scenario, environ, log, cpus)) is not None:
            return forking
        return EndpointLauncher(scenario.target, opened.subjects)

    return make


def at_once(scenario: Scenario, cpus: Collection[int], cores: float | None) -> int:
    """Say how many servers can be started side by side: one for each CPU, of those that are forked."""
    if scenario.target.kind not in EXECUTING:
        return 1  # a foreign server may take all CPUs to start
    free = len(scenario.server.cpus or cpus)
    return max(1, free if cores is None else min(free, int(cores)))


def driver_of(server: Replica, scenario: Scenario, deadline_s: float, workers: Workers) -> Driver:
    """Make the driver of one server, connected before the first request is timed."""
    if isinstance(server, InProcessReplica):
        return InProcessDriver(server, deadline_s)
    driver = open_driver(_endpoint(server, scenario, deadline_s), workers)
    driver.connect()
    return driver


def _endpoint(server: Replica, scenario: Scenario, deadline_s: float) -> Endpoint:
    target, tls, name = scenario.target, None, quote(scenario.target.model_name, safe="")
    if isinstance(server, EndpointReplica):
        name = server.peer.path.removeprefix("/v1/models/")
        tls = Tls(target.tls_ca_file or "", target.tls_server_name or "") if server.peer.tls else None
    return Endpoint(
        address=server.address,
        rest_address=server.rest_address,
        protocol=target.protocol,
        model_name=name,
        tls=tls,
        metadata=target.metadata,
        deadline_s=deadline_s,
        connections=scenario.load.connections,
    )
