"""Limits of this process: those of its own group and its ancestors, in version 1, version 2, and both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from perfgate.observe.hierarchy import own_levels
from perfgate.observe.limits import memory_left_mib, memory_mib, quota_cpus, throttled
from perfgate.observe.machine import available_mib

TOP = "/sys/fs/cgroup"
MIB = 1 << 20

V2 = {
    "/proc/self/mountinfo": f"30 23 0:28 / {TOP} rw - cgroup2 cgroup2 rw\n",
    "/proc/self/cgroup": "0::/box/app\n",
}
CONTAINER = {  # version 1, with the host's names: its own group is mounted as the top
    "/proc/self/mountinfo": f"31 30 0:31 /docker/abc {TOP}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    f"32 30 0:32 /docker/abc {TOP}/memory rw - cgroup cgroup rw,memory\n",
    "/proc/self/cgroup": "2:memory:/docker/abc/app\n1:cpu,cpuacct:/docker/abc\n0::/\n",
}
HYBRID = {  # the CPUs by version 2, memory by version 1
    "/proc/self/mountinfo": f"31 30 0:31 / {TOP}/unified rw - cgroup2 cgroup2 rw\n"
    f"32 30 0:32 / {TOP}/memory rw - cgroup cgroup rw,memory\n",
    "/proc/self/cgroup": "2:memory:/job\n0::/job\n",
}


@pytest.mark.parametrize(
    ("files", "controller", "levels"),
    [
        (V2, "cpu", [f"{TOP}/box/app", f"{TOP}/box", TOP]),
        (CONTAINER, "cpu", [f"{TOP}/cpu,cpuacct"]),
        (CONTAINER, "memory", [f"{TOP}/memory/app", f"{TOP}/memory"]),
        (HYBRID, "cpu", [f"{TOP}/unified/job", f"{TOP}/unified"]),
        (HYBRID, "memory", [f"{TOP}/memory/job", f"{TOP}/memory"]),
        ({**V2, "/proc/self/cgroup": "0::/../other\n"}, "cpu", [TOP]),
        ({**V2, "/proc/self/mountinfo": "1 2 0:1 / /tmp rw - tmpfs tmpfs rw\n"}, "cpu", []),
        ({}, "cpu", []),
    ],
)
def test_a_group_and_all_around_it_are_found(files: Mapping[str, str], controller: str, levels: list[str]) -> None:
    assert own_levels(controller, files.get) == tuple(map(Path, levels))


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({**V2, f"{TOP}/box/app/cpu.max": "max 100000", f"{TOP}/box/cpu.max": "150000 100000"}, 1.5),
        ({**V2, f"{TOP}/box/app/cpu.max": "300000 100000", f"{TOP}/cpu.max": "200000 100000"}, 2),
        ({**CONTAINER, f"{TOP}/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
          f"{TOP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 2),
        ({**CONTAINER, f"{TOP}/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
          f"{TOP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, None),
        ({**V2, f"{TOP}/elsewhere/cpu.max": "1 1"}, None),
        ({**V2, f"{TOP}/box/cpu.max": "100000 0"}, None),
        ({**V2, f"{TOP}/box/cpu.max": ""}, None),
        (V2, None),
    ],
)  # fmt: skip
def test_the_smallest_quota_holds(files: Mapping[str, str], cpus: float | None) -> None:
    assert quota_cpus(files.get) == cpus


def test_throttling_is_counted_where_it_happened_most() -> None:
    stat = "usage_usec 9\nnr_periods 5\nnr_throttled {}\n"
    assert throttled({**V2, f"{TOP}/box/app/cpu.stat": stat.format(3), f"{TOP}/box/cpu.stat": stat.format(7)}.get) == 7
    assert throttled({**V2, f"{TOP}/cpu.stat": "usage_usec 9\n"}.get) is None


@pytest.mark.parametrize(
    ("files", "mib"),
    [
        ({**V2, f"{TOP}/box/memory.max": str(3 * MIB), f"{TOP}/memory.max": str(2 * MIB)}, 2),
        ({**V2, f"{TOP}/box/app/memory.max": "max\n"}, None),
        ({**CONTAINER, f"{TOP}/memory/memory.limit_in_bytes": f"{5 * MIB}\n"}, 5),
        ({**CONTAINER, f"{TOP}/memory/memory.limit_in_bytes": str((1 << 63) - 4096)}, None),
    ],
)
def test_the_smallest_memory_limit_holds(files: Mapping[str, str], mib: float | None) -> None:
    assert memory_mib(files.get) == mib


@pytest.mark.parametrize(
    ("files", "group", "limit", "used", "cache"),
    [
        (V2, f"{TOP}/box", "memory.max", "memory.current", "inactive_file"),
        (CONTAINER, f"{TOP}/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
         f"inactive_file {MIB}\ntotal_inactive_file"),
    ],
)  # fmt: skip
def test_page_cache_is_memory_that_servers_can_have(
    files: Mapping[str, str], group: str, limit: str, used: str, cache: str
) -> None:
    limited = {**files, f"{group}/{limit}": f"{50 * MIB}\n", f"{group}/{used}": f"{40 * MIB}\n"}
    assert available_mib(limited.get) == pytest.approx(10)  # without details nothing counts as cache
    detailed = {**limited, f"{group}/memory.stat": f"anon {10 * MIB}\n{cache} {25 * MIB}\n"}
    assert available_mib(detailed.get) == pytest.approx(35)


def test_the_group_with_the_least_left_decides() -> None:
    groups = {f"{TOP}/box/app": (8, 2), f"{TOP}/box": (9, 6)}
    files = {f"{group}/memory.max": str(limit * MIB) for group, (limit, _) in groups.items()}
    files |= {f"{group}/memory.current": str(used * MIB) for group, (_, used) in groups.items()}
    assert memory_left_mib({**V2, **files}.get) == 3
    assert memory_left_mib({**V2, f"{TOP}/box/memory.max": str(MIB)}.get) is None  # the use is unknown


def test_without_a_limit_the_machines_memory_is_there() -> None:
    assert 0 < available_mib(V2.get) <= psutil.virtual_memory().total / MIB
