"""Target `command` with a server that starts quickly; for real ones see test_contract.py."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.scenario.schema import Server, Target
from perfgate.serving import command, ports
from perfgate.serving.command import CommandLauncher, CommandReplica, check_command
from perfgate.serving.interface import ReplicaSpec
from tests.serving.killing import kill

STUB = shlex.join([sys.executable, "-S", str(Path(__file__).with_name("stub_server.py"))])

Start = Callable[..., CommandReplica]


def _target(line: str, **more: Any) -> Target:
    given = {"kind": "command", "protocol": "rest", "command": line, "ready_s": 60, "model_name": "m"}
    return Target.model_validate(given | more)


def _spec(folder: Path, **more: Any) -> ReplicaSpec:
    return ReplicaSpec("candidate server", folder, ("serve",), "serving_default", Server(), model_name="m", **more)


@pytest.fixture
def launchers() -> Iterator[list[CommandLauncher]]:
    made: list[CommandLauncher] = []
    yield made
    for launcher in made:
        launcher.stop()


@pytest.fixture
def start(launchers: list[CommandLauncher], tmp_path: Path) -> Start:
    def started(line: str, *, version: int = 1, **more: Any) -> CommandReplica:
        launchers.append(CommandLauncher(_target(line, **more), os.environ, tmp_path / "log"))
        return launchers[-1].start(_spec(tmp_path, version=version))

    return started


def _gone(*pids: int) -> bool:
    return not psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=5)[1]


@pytest.mark.slow
def test_it_starts_says_where_it_is_and_stops(start: Start, launchers: list[CommandLauncher], tmp_path: Path) -> None:
    replica = start(f"{STUB} {{rest_port}} {{name}} --after 0.3", environment={"MODE": "{name}-{version}"}, version=7)
    assert replica.rest_address == f"127.0.0.1:{replica.rest_address.rpartition(':')[2]}"
    assert replica.address == ""
    assert 0.3 < replica.load_time_s < 60
    assert (replica.subject.pid, replica.subject.tree) == (replica.pid, True)
    assert not replica.executes
    assert "mode m-7" in (tmp_path / "log").read_text()
    replica.ensure_alive()
    launchers[0].stop()
    launchers[0].stop()
    assert _gone(replica.pid)
    with pytest.raises(InvalidRunError):
        replica.ensure_alive()


@pytest.mark.slow
def test_replicas_of_one_launcher_are_apart(launchers: list[CommandLauncher], tmp_path: Path) -> None:
    launchers.append(CommandLauncher(_target(f"{STUB} {{rest_port}} {{name}}"), os.environ, tmp_path / "log"))
    one, other = (launchers[0].start(_spec(tmp_path)) for _ in range(2))
    assert one.pid != other.pid
    assert one.rest_address != other.rest_address
    kill(one.pid)
    with pytest.raises(InvalidRunError, match=rf"candidate server \(process {one.pid}\) died: killed by SIGKILL"):
        one.ensure_alive()
    other.ensure_alive()


def test_model_is_a_base_path_with_one_version_and_saved_model_the_directory(start: Start, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    look = shlex.quote('ls {model}; cat {model}/{version}/saved_model.pb; echo; echo {saved_model}; exec "$@"')
    start(f"sh -c {look} sh {STUB} {{rest_port}} {{name}}", version=3)
    assert (tmp_path / "log").read_text().splitlines()[:3] == ["3", "x", str(tmp_path)]


@pytest.mark.slow
def test_the_base_paths_are_shared_by_an_arm_and_removed(
    start: Start, launchers: list[CommandLauncher], tmp_path: Path
) -> None:
    start(f"{STUB} {{rest_port}} {{name}}")
    launcher = launchers[0]
    bases = launcher._bases
    assert launcher._base(_spec(tmp_path)) == launcher._base(_spec(tmp_path))
    assert launcher._base(_spec(tmp_path)) != launcher._base(_spec(tmp_path, version=2))
    assert launcher._base(_spec(tmp_path)) != launcher._base(_spec(tmp_path / "other"))
    ended, other = launcher._started[0], launcher.start(_spec(tmp_path))
    ended.stop(1.0)
    assert bases.exists(), "the other server uses it"
    other.ensure_alive()
    launcher.stop()
    assert not bases.exists()
    assert tmp_path.exists()


def test_a_server_that_exits_early_is_reported_with_its_exit_code_and_last_output(start: Start) -> None:
    with pytest.raises(InvalidRunError) as caught:
        start(f"{STUB} {{rest_port}} {{name}} --die 3")
    assert caught.value.problem == (
        "candidate server ended before it was ready: exit code 3: ValueError: the last words"
    )


def test_a_command_that_ends_well_and_leaves_nothing_is_no_server(start: Start) -> None:
    with pytest.raises(InvalidRunError, match="ended before it was ready: exit code 0: no output"):
        start("true {rest_port}")


@pytest.mark.parametrize(
    ("program", "why"), [("perfgate-no-such-program", "no such file"), ("/etc/passwd", "permission denied")]
)
def test_an_invalid_program_is_reported_by_its_name(start: Start, program: str, why: str) -> None:
    with pytest.raises(InvalidRunError) as caught:
        start(f"{program} {{rest_port}}")
    assert caught.value.problem.startswith(f"{program} cannot be started: {why}")


@pytest.mark.slow
def test_a_server_that_is_never_ready_is_given_up(start: Start) -> None:
    began_s = time.monotonic()
    with pytest.raises(InvalidRunError, match=r"was not ready within 0.8 s: LOADING"):
        start(f"{STUB} {{rest_port}} {{name}} --state LOADING", ready_s=0.8)
    assert time.monotonic() - began_s < 30
    with pytest.raises(InvalidRunError, match=r"was not ready within 0.3 s: no answer yet"):
        start(f"{STUB} {{rest_port}} {{name}} --after 60", ready_s=0.3)


def test_a_model_that_failed_to_load_is_not_waited_for(start: Start) -> None:
    began_s = time.monotonic()
    with pytest.raises(InvalidRunError, match="could not load the model: the graph is broken"):
        start(f"{STUB} {{rest_port}} {{name}} --state END --error 'the graph is broken'")
    assert time.monotonic() - began_s < 30


def test_another_models_server_is_distinguished_from_a_slow_one(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_NO_SUCH_MODEL_S", 0.2)
    with pytest.raises(InvalidRunError, match="does not serve m: Could not find any versions of model m"):
        start(f"{STUB} {{rest_port}} other")


@pytest.mark.slow
def test_ports_that_others_took_meanwhile_are_chosen_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken, free = listener.getsockname()[1], ports.free_ports("127.0.0.1", 2)
        offers = iter([(free[0], taken), free])
        monkeypatch.setattr(ports, "free_ports", lambda *_: next(offers))
        replica = start(f"{STUB} {{rest_port}} {{name}}")
        assert replica.rest_address == f"127.0.0.1:{free[1]}"


@pytest.mark.slow
def test_an_answer_from_another_process_is_not_taken_for_the_servers(
    start: Start, launchers: list[CommandLauncher], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = start(f"{STUB} {{rest_port}} {{name}}")
    taken, free = int(other.rest_address.rpartition(":")[2]), ports.free_ports("127.0.0.1", 2)
    offers = iter([(free[0], taken), free])
    monkeypatch.setattr(ports, "free_ports", lambda *_: next(offers))
    replica = start(f"{STUB} {{rest_port}} {{name}} --after 2")  # `other` answers before it tries to listen
    assert replica.rest_address == f"127.0.0.1:{free[1]}"
    assert len(launchers) == 2


DAEMON = "setsid nohup {} </dev/null >/dev/null 2>&1 & {}exit 0"


def _daemon(pid_file: str = "") -> str:
    tell = f"echo $! >{pid_file}; " if pid_file else ""
    return "sh -c " + shlex.quote(DAEMON.format(f"{STUB} {{rest_port}} {{name}}", tell))


def test_a_daemon_is_found_by_its_descent(start: Start, launchers: list[CommandLauncher]) -> None:
    replica = start(_daemon())
    assert "stub_server" in " ".join(psutil.Process(replica.pid).cmdline())
    kill(replica.pid)
    with pytest.raises(InvalidRunError, match="died: killed by SIGKILL"):
        replica.ensure_alive()
    replica = start(_daemon())
    launchers[-1].stop()
    assert _gone(replica.pid)


def test_a_daemon_is_found_by_its_pid_file(start: Start, launchers: list[CommandLauncher], tmp_path: Path) -> None:
    replica = start(_daemon(f"{tmp_path}/{{rest_port}}.pid"), pid_file=f"{tmp_path}/{{rest_port}}.pid")
    assert "stub_server" in " ".join(psutil.Process(replica.pid).cmdline())
    launchers[0].stop()
    assert _gone(replica.pid)


@pytest.mark.slow
def test_a_pid_file_that_names_an_older_process_is_not_believed(start: Start, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        try:
            (tmp_path / "pid").write_text(f"{bystander.pid}\n")
            time.sleep(0.1)
            with pytest.raises(InvalidRunError, match="pid does not contain a process that it started"):
                start(f"{STUB} {{rest_port}} {{name}}", pid_file=f"{tmp_path}/pid", ready_s=1)
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_daemon_that_dies_before_it_is_ready_is_reported_with_its_exit_code(start: Start, tmp_path: Path) -> None:
    line = shlex.quote(f"setsid {STUB} {{rest_port}} {{name}} --die 4 & echo $! >{tmp_path}/{{rest_port}}.pid")
    began_s = time.monotonic()
    with pytest.raises(InvalidRunError, match="exit code 4: ValueError: the last words"):
        start(f"sh -c {line}", pid_file=f"{tmp_path}/{{rest_port}}.pid")
    assert time.monotonic() - began_s < 30


def test_a_daemon_of_several_processes_needs_a_pid_file(start: Start) -> None:
    both = shlex.quote(f"sleep 60 & {STUB} {{rest_port}} {{name}} & exit 0")
    with pytest.raises(InvalidRunError, match="left 2 processes running when its command ended") as caught:
        start(f"sh -c {both}")
    assert "target.pid_file" in caught.value.remedy


@pytest.mark.slow
def test_stubborn_servers_and_their_children_are_killed(
    start: Start, launchers: list[CommandLauncher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_GRACE_S", 0.3)
    replica = start(f"{STUB} {{rest_port}} {{name}} --stubborn --child")
    family = [replica.pid, *(child.pid for child in psutil.Process(replica.pid).children(recursive=True))]
    assert len(family) == 2
    launchers[0].stop()
    assert _gone(*family)


def test_a_running_server_that_stops_listening_is_reported(start: Start) -> None:
    line = shlex.quote(f"{STUB} {{rest_port}} {{name}} & wait; sleep 60")
    replica = start(f"sh -c {line}")
    for child in psutil.Process(replica.pid).children():
        child.kill()
        child.wait()
    with pytest.raises(InvalidRunError, match=r"is running, but nothing answers at 127\.0\.0\.1:.*connection refused"):
        replica.ensure_alive()


@pytest.mark.slow
def test_no_orphans_when_perfgate_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from perfgate.serving.command import CommandLauncher
from tests.serving.test_command import STUB, _daemon, _spec, _target
folder, launchers = Path({str(tmp_path)!r}), []
for line in (f"{{STUB}} {{{{rest_port}}}} {{{{name}}}} --child --stubborn", _daemon()):
    launchers.append(CommandLauncher(_target(line), os.environ, folder / "log"))
    print(launchers[-1].start(_spec(folder)).pid, launchers[-1]._bases, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as perfgate:
        assert perfgate.stdout is not None
        lines = [perfgate.stdout.readline().split() for _ in range(2)]
        servers, bases = [psutil.Process(int(pid)) for pid, _ in lines], [Path(folder) for _, folder in lines]
        assert all(base.is_dir() for base in bases)
        family = [*psutil.Process(perfgate.pid).children(recursive=True), *servers]
        assert len(set(family)) == 5  # two supervisors, two servers, one child
        perfgate.kill()
    assert not psutil.wait_procs(family, timeout=5)[1]
    assert not any(base.exists() for base in bases)
    assert tmp_path.exists()


@pytest.mark.slow
def test_a_supervisor_that_is_killed_takes_its_server_along(start: Start) -> None:
    replica = start(f"{STUB} {{rest_port}} {{name}}")
    kill(psutil.Process(replica.pid).ppid())
    assert _gone(replica.pid)
    with pytest.raises(InvalidRunError, match="the supervisor of a server command ended unexpectedly"):
        replica.ensure_alive()


def test_cpus_are_the_commands(launchers: list[CommandLauncher], tmp_path: Path) -> None:
    one = min(os.sched_getaffinity(0))
    launchers.append(CommandLauncher(_target(f"{STUB} {{rest_port}} {{name}}"), os.environ, tmp_path / "log", {one}))
    assert os.sched_getaffinity(launchers[0].start(_spec(tmp_path)).pid) == {one}


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (_target("serve --port {port}"), "target.command does not set the port for rest"),
        (Target(kind="command", command="serve {rest_port}"), "does not set the port for grpc"),
        (_target("serve {rest_port}", environment={"A": "{b}"}), "target.environment.A has an unknown field {b}"),
        (_target("serve {rest_port}", pid_file="{pid}"), "target.pid_file has an unknown field {pid}"),
        (_target("serve {rest_port}", cgroup="{"), "target.cgroup: '{' has an unmatched brace"),
        (_target("serve {rest_port}", prometheus_url="{url}"), "target.prometheus_url has an unknown field {url}"),
    ],
)
def test_a_target_that_cannot_work_is_a_usage_error_before_anything_starts(target: Target, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_command(target)
    assert problem in caught.value.problem


def test_a_port_can_be_passed_in_the_environment() -> None:
    target = _target("serve", environment={"PORT": "{rest_port}"})
    assert check_command(target).used == {"rest_port"}
