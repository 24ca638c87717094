"""Other processes that use the CPUs, which should be stopped before measuring."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil

from perfgate.formatting import share

_SHOWN, _LEAST_SHARE = 3, 0.05

Spent = Mapping[int, tuple[str, float]]
"""Name and CPU seconds by process number."""


def cpu_spent() -> Spent:
    """Read the CPU time of all processes except this one."""
    fields = ["pid", "name", "cpu_times"]
    infos = [each.info for each in psutil.process_iter(fields) if each.pid != os.getpid()]
    return {each["pid"]: (each["name"] or "?", sum(each["cpu_times"][:2])) for each in infos if each["cpu_times"]}


def busiest(before: Spent, after: Spent, seconds: float) -> tuple[str, ...]:
    """Return those that used the most CPU time in between, as `name (PID) 97%` of one CPU."""
    shares = {
        pid: (spent - before[pid][1]) / seconds for pid, (_, spent) in after.items() if pid in before and seconds > 0
    }
    most = sorted(shares, key=lambda pid: -shares[pid])[:_SHOWN]
    return tuple(f"{after[pid][0]} ({pid}) {share(shares[pid])}" for pid in most if shares[pid] >= _LEAST_SHARE)
