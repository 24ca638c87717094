from __future__ import annotations

import click
import pytest

from perfgate.cli.options import CpuList, Duration
from perfgate.errors import ExitCode
from perfgate.scenario.overrides import server_settings
from perfgate.scenario.schema import Server
from tests.cli.conftest import Commands


@pytest.mark.parametrize("text", ["0", "0s", "nan"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 60s"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["nan", "0", "0.5", "inf"])
def test_what_is_no_error_level(text: str, commands: Commands) -> None:
    code, said = commands.ends("run", "same", "--alpha", text)
    assert code == ExitCode.USAGE
    assert "is not in the range 0<x<0.5" in said


@pytest.mark.parametrize(("text", "cpus"), [("1", (1,)), ("0,2", (0, 2)), ("0-2", (0, 1, 2)), ("0-1,3", (0, 1, 3))])
def test_cpu_lists(text: str, cpus: tuple[int, ...]) -> None:
    assert CpuList().convert(text, None, None) == cpus


def test_flags_go_over_the_scenario() -> None:
    base = Server(intra_op_threads=2, rpc_threads=8)
    settings = server_settings(None, 3, (1,), base)
    assert (settings.intra_op_threads, settings.inter_op_threads, settings.cpus) == (2, 3, (1,))
    assert settings.rpc_threads == 8


@pytest.mark.parametrize(("engine", "remedy"), [("local", "use it with --engine ray"), ("ray", "Write HOST:PORT")])
def test_an_address_is_that_of_a_ray_cluster(engine: str, remedy: str, commands: Commands) -> None:
    code, said = commands.ends("compare", "old", "slow", "-s", "s.toml", "--engine", engine, "--address", "nowhere")
    assert code == ExitCode.USAGE
    assert remedy.lower() in said.lower()
    assert said.count("\n") == 1
