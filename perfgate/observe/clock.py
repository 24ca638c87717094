"""The kernel's clock of another process's CPU time; imports nothing, because the sampler uses it."""

from __future__ import annotations

_CPUCLOCK_SCHED = 2  # include/linux/posix-timers_types.h: a process's clock, in scheduler nanoseconds


def cpu_clock_id(pid: int) -> int:
    """Clock id of another process's CPU time, as made by `clock_getcpuclockid(3)` on Linux: `(~pid << 3) | 2`."""
    return (~pid << 3) | _CPUCLOCK_SCHED
