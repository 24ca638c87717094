"""One kit a target: how it is started and driven, so that one suite tests the same contract on all of them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from perfgate.errors import PerfgateError
from perfgate.loadgen.engine import GrpcDriver, RestDriver
from perfgate.loadgen.in_process import InProcessDriver
from perfgate.loadgen.interface import Driver
from perfgate.model.interface import Model
from perfgate.scenario.schema import Server, Target
from perfgate.serving.command import CommandLauncher
from perfgate.serving.description import describe_endpoint
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.endpoint import EndpointLauncher, subjects_of
from perfgate.serving.endpoint_url import parse_endpoint
from perfgate.serving.in_process import InProcessLauncher, InProcessReplica
from perfgate.serving.interface import Launcher, Replica, ReplicaSpec

NAME = "ranker"
SERVER = Server()
SERVE = f"{shlex.quote(sys.executable)} -m perfgate serve"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Kit:
    """A started target."""

    launcher: Launcher
    spec: ReplicaSpec
    drivers: dict[str, Callable[[Replica, float], Driver]]
    """By the form of the requests: `grpc` or `rest`."""
    try_wrong_model: Callable[[], object]
    ours: bool = True
    """Whether perfgate started the servers, and ends them."""


def _grpc(replica: Replica, deadline_s: float) -> Driver:
    return GrpcDriver(replica.address, deadline_s=deadline_s)


def _rest(replica: Replica, deadline_s: float) -> Driver:
    return RestDriver(replica.rest_address, NAME, deadline_s=deadline_s)


def _in_process(replica: Replica, deadline_s: float) -> Driver:
    assert isinstance(replica, InProcessReplica)
    return InProcessDriver(replica, deadline_s)


def _spec(model: Model) -> ReplicaSpec:
    return ReplicaSpec(
        "candidate server", model.path, model.tags, "serving_default", SERVER, model_name=NAME, rest_port=0
    )


@contextmanager
def _launched(
    launcher: Launcher, model: Model, folder: Path, drivers: dict[str, Callable[[Replica, float], Driver]]
) -> Iterator[Kit]:
    broken = folder / "broken"
    broken.mkdir()
    spec = _spec(model)
    try:
        yield Kit(launcher, spec, drivers, lambda: launcher.start(replace(spec, model_path=broken)))
    finally:
        launcher.stop()


def embedded(model: Model, folder: Path) -> Iterator[Kit]:
    launcher = EmbeddedForkServer(os.environ, folder / "log", huge_pages=True)
    with _launched(launcher, model, folder, {"grpc": _grpc, "rest": _rest}) as kit:
        yield kit


def without_ngh2(folder: Path) -> dict[str, str]:
    """Make an environment in which ngh2 cannot be imported."""
    (folder / "ngh2.py").write_text("raise ImportError('hidden by a test')\n")
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}


def embedded_without_ngh2(model: Model, folder: Path) -> Iterator[Kit]:
    launcher = EmbeddedForkServer(without_ngh2(folder), folder / "log", huge_pages=True)
    with _launched(launcher, model, folder, {"grpc": _grpc, "rest": _rest}) as kit:
        yield kit


def in_process(model: Model, folder: Path) -> Iterator[Kit]:
    launcher = InProcessLauncher(os.environ, folder / "log", huge_pages=True)
    with _launched(launcher, model, folder, {"grpc": _in_process}) as kit:
        yield kit


def _target(folder: Path, command: str, **more: str) -> Target:
    environment = {"XDG_CACHE_HOME": str(folder / "cache-{port}")}
    given = {"kind": "command", "command": command, "model_name": NAME, "environment": environment}
    return Target.model_validate(given | more)


def command(model: Model, folder: Path) -> Iterator[Kit]:
    target = _target(folder, f"{SERVE} {{model}} --port {{port}} --rest-port {{rest_port}} --name {{name}}")
    launcher = CommandLauncher(target, os.environ, folder / "log")
    with _launched(launcher, model, folder, {"grpc": _grpc, "rest": _rest}) as kit:
        yield kit


def daemon(model: Model, folder: Path) -> Iterator[Kit]:
    """Start it through a script that leaves it in the background, in a session of its own, and writes a pid file."""
    script = folder / "start.sh"
    serve = f'{SERVE} "$1" --port "$2" --rest-port "$3" --name "$4"'
    script.write_text(f"setsid nohup {serve} </dev/null >>{folder}/daemon.log 2>&1 &\necho $! >{folder}/$2.pid\n")
    line = f"sh {shlex.quote(str(script))} {{saved_model}} {{port}} {{rest_port}} {{name}}"
    target = _target(folder, line, protocol="rest", pid_file=f"{folder}/{{port}}.pid")
    launcher = CommandLauncher(target, os.environ, folder / "log")
    with _launched(launcher, model, folder, {"grpc": _grpc, "rest": _rest}) as kit:
        yield kit


def tensorflow_model_server(model: Model, folder: Path) -> Iterator[Kit]:
    if shutil.which("tensorflow_model_server") is None:
        pytest.skip("tensorflow_model_server is not on the PATH")
    options = "--port={port} --rest_api_port={rest_port} --model_name={name} --model_base_path={model}"
    launcher = CommandLauncher(_target(folder, f"tensorflow_model_server {options}"), os.environ, folder / "log")
    with _launched(launcher, model, folder, {"grpc": _grpc, "rest": _rest}) as kit:
        yield kit


@contextmanager
def _served(model: Model, folder: Path, number: int) -> Iterator[subprocess.Popen[str]]:
    line = [*shlex.split(SERVE), str(model.path), "--port", "0", "--rest-port", "0", "--name", NAME]
    environ = os.environ | {"XDG_CACHE_HOME": str(folder / f"cache-{number}")}
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def _endpoint(model: Model, folder: Path, protocol: str) -> Iterator[Kit]:
    with ExitStack() as stack:
        servers = [stack.enter_context(_served(model, folder, number)) for number in range(2)]
        said = [server.stdout.readline() for server in servers if server.stdout]
        places = [re.findall(r"127\.0\.0\.1:\d+", line) for line in said]
        hosts = ",".join(grpc if protocol == "grpc" else rest for grpc, rest in places)
        scheme = f"grpc://{hosts}/" if protocol == "grpc" else f"http://{hosts}/v1/models/"
        url = parse_endpoint(f"{scheme}{NAME}")
        subjects = subjects_of(url, Target(), [server.pid for server in servers])
        described = describe_endpoint(url.given, Target())
        assert described.signatures == model.signatures
        spec = replace(_spec(model), model_path=described.path)
        wrong = f"{scheme}another"
        yield Kit(
            EndpointLauncher(Target(), {url: subjects}),
            spec,
            {protocol: _grpc if protocol == "grpc" else _rest},
            lambda: describe_endpoint(wrong, Target()),
            ours=False,
        )


def endpoint(model: Model, folder: Path) -> Iterator[Kit]:
    yield from _endpoint(model, folder, "grpc")


def endpoint_rest(model: Model, folder: Path) -> Iterator[Kit]:
    yield from _endpoint(model, folder, "rest")


KITS = {
    each.__name__: each
    for each in (
        embedded,
        embedded_without_ngh2,
        in_process,
        command,
        daemon,
        endpoint,
        endpoint_rest,
        tensorflow_model_server,
    )
}


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def words_of(attempt: Callable[[], object]) -> PerfgateError:
    with pytest.raises(PerfgateError) as caught:
        attempt()
    return caught.value
