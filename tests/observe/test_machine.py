from __future__ import annotations

import math
from pathlib import Path

import pytest

from perfgate.observe.hierarchy import ControlGroup
from perfgate.observe.limits import Throttling
from perfgate.observe.machine import MachineAccounts, pressure_total_us

_PRESSURE = "some avg10=1.00 avg60=0.50 avg300=0.10 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def test_the_total_of_the_some_line_is_read() -> None:
    assert pressure_total_us(_PRESSURE.format(1234)) == 1234


def test_pressure_is_stall_time_over_wall_time(tmp_path: Path) -> None:
    file = tmp_path / "cpu"
    file.write_text(_PRESSURE.format(1_000_000))
    instants = iter([10.0, 20.0, 24.0])
    machine = MachineAccounts(clock=lambda: next(instants), pressure=file)
    machine.start()
    file.write_text(_PRESSURE.format(2_000_000))
    conditions = machine.conditions()
    assert conditions.cpu_pressure_share == pytest.approx(0.25)
    assert conditions.steal_share >= 0


@pytest.mark.parametrize("text", ["", "full avg10=0 total=1", "some avg10=0.0", "some total=x"])
def test_unreadable_pressure_is_unknown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cpu"
    file.write_text(text)
    assert math.isnan(MachineAccounts(pressure=file).conditions().cpu_pressure_share)


def test_throttling_since_the_start_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("throttled_usec 1000\n")
    group = ControlGroup(v2=True, account=tmp_path, cpu=(tmp_path,), memory=tmp_path)
    machine = MachineAccounts(throttling=Throttling(group))
    (tmp_path / "cpu.stat").write_text("throttled_usec 251000\n")
    assert machine.conditions().throttled_ms == 250
    assert math.isnan(MachineAccounts(throttling=Throttling(None)).conditions().throttled_ms)
