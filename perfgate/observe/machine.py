"""Interference from outside: steal time, CPU pressure and throttling."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from perfgate.observe.control_group import Throttling, group_of
from perfgate.trials import Conditions


def pressure_total_us(text: str) -> int:
    """Stall time of the `some` line of a pressure file (Documentation/accounting/psi.rst), microseconds."""
    some = next(line for line in text.splitlines() if line.startswith("some"))
    return int(dict(field.split("=") for field in some.split()[1:])["total"])


def available_mib(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Memory that new processes can have: the machine's, or what a container's limit leaves if that is less; MiB."""
    free = [float(psutil.virtual_memory().available)]
    for limit, used, details, cache in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            room = float((cgroup / limit).read_text()) - float((cgroup / used).read_text())
        except (OSError, ValueError):  # no such version of control groups, or "max"
            continue
        free.append(room + _reclaimable(cgroup / details, cache))
    return min(free) / (1 << 20)


def _reclaimable(details: Path, cache: str) -> float:
    """Read how much of a group's memory is page cache that the kernel gives up for processes; bytes, 0 if not told."""
    try:
        lines = dict(line.split() for line in details.read_text().splitlines())
        return float(lines[cache])
    except (OSError, ValueError, KeyError):
        return 0.0


class MachineAccounts:
    """Observes the whole machine, and the control group that perfgate and its servers run in."""

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        pressure: Path = Path("/proc/pressure/cpu"),
        throttling: Throttling | None = None,
    ) -> None:
        self._clock, self._pressure = clock, pressure
        self._throttling = throttling or Throttling(group_of(os.getpid()))
        self.start()

    def start(self) -> None:
        """Remember the present counters."""
        self._since = (self._clock(), psutil.cpu_times(), self._stalled_us(), self._throttling.ms())

    def conditions(self) -> Conditions:
        """Shares since `start`."""
        began_s, before, stalled_us, throttled_ms = self._since
        wall_us = (self._clock() - began_s) * 1e6
        after = psutil.cpu_times()
        total = sum(after) - sum(before)
        steal = getattr(after, "steal", math.nan) - getattr(before, "steal", math.nan)
        pressure = (self._stalled_us() - stalled_us) / wall_us if wall_us > 0 else math.nan
        return Conditions(
            steal_share=steal / total if total > 0 else 0.0,
            cpu_pressure_share=pressure,
            throttled_ms=self._throttling.ms() - throttled_ms,
        )

    def _stalled_us(self) -> float:
        try:
            return pressure_total_us(self._pressure.read_text())
        except (OSError, StopIteration, KeyError, ValueError):
            return math.nan
