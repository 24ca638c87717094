from __future__ import annotations

import click
import pytest

from perfgate.cli.options import CpuList, Duration
from perfgate.scenario.overrides import server_settings
from perfgate.scenario.schema import Server


@pytest.mark.parametrize("text", ["0", "0s", "nan"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 60s"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(("text", "cpus"), [("1", (1,)), ("0,2", (0, 2)), ("0-2", (0, 1, 2)), ("0-1,3", (0, 1, 3))])
def test_cpu_lists(text: str, cpus: tuple[int, ...]) -> None:
    assert CpuList().convert(text, None, None) == cpus


def test_flags_go_over_the_scenario() -> None:
    base = Server(intra_op_threads=2, rpc_threads=8)
    settings = server_settings(None, 3, (1,), base)
    assert (settings.intra_op_threads, settings.inter_op_threads, settings.cpus) == (2, 3, (1,))
    assert settings.rpc_threads == 8
