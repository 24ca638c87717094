"""Interference by other work: steal time, CPU pressure and throttling."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from perfgate.observe.hierarchy import group_of
from perfgate.observe.limits import Throttling, memory_left_mib
from perfgate.observe.proc_files import Read, mib, text
from perfgate.trials import Conditions


def pressure_total_us(contents: str) -> int:
    """Stall time of the `some` line of a pressure file (Documentation/accounting/psi.rst), microseconds."""
    some = next(line for line in contents.splitlines() if line.startswith("some"))
    return int(dict(field.split("=") for field in some.split()[1:])["total"])


def available_mib(read: Read = text) -> float:
    """Memory available to new processes: the machine's, or what a container's limit leaves if that is less; MiB."""
    free, left = mib(psutil.virtual_memory().available), memory_left_mib(read)
    return free if left is None else min(free, left)


class MachineAccounts:
    """Observes the whole machine, and the control group of perfgate and its servers."""

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
        """Record the present counters."""
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
