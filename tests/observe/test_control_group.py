from __future__ import annotations

import math
from pathlib import Path

import pytest

from perfgate.observe.control_group import ControlGroupAccounts
from perfgate.observe.hierarchy import group_of, mounts
from perfgate.observe.limits import Throttling
from perfgate.observe.proc_files import stat

_V2_MOUNT = "30 23 0:28 {root} {top} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
_V1_MOUNT = "{id} 31 0:29 {root} {top} rw,relatime - cgroup cgroup rw,{controllers}\n"


def _write(files: dict[Path, str]) -> None:
    for file, contents in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(contents)


@pytest.fixture
def v2(tmp_path: Path) -> tuple[Path, Path]:
    """A group /box/app with a subgroup, and process 7 in it; returns /proc and the top of the hierarchy."""
    proc, top = tmp_path / "proc", tmp_path / "cg roup"
    stat_of_memory = "anon 3145728\nfile 1048576\npgfault 1000\npgmajfault 10\n"
    _write(
        {
            proc / "self/mountinfo": _V2_MOUNT.format(root="/", top=str(top).replace(" ", "\\040")),
            proc / "7/cgroup": "0::/box/app\n",
            proc / "7/smaps_rollup": "Rss: 4096 kB\nPss: 2048 kB\n",
            proc / "8/smaps_rollup": "Rss: 4096 kB\nPss: 1024 kB\n",
            top / "cgroup.controllers": "cpu memory\n",
            top / "cpu.stat": "usage_usec 9\n",
            top / "box/cpu.stat": "usage_usec 9\nnr_periods 5\nnr_throttled 1\nthrottled_usec 2000\n",
            top / "box/app/cpu.stat": "usage_usec 1234567\nnr_periods 5\nnr_throttled 3\nthrottled_usec 4500\n",
            top / "box/app/memory.current": "4194304\n",
            top / "box/app/memory.peak": "8388608\n",
            top / "box/app/memory.max": "max\n",
            top / "box/app/memory.stat": stat_of_memory,
            top / "box/app/cgroup.procs": "7\n",
            top / "box/app/inner/cgroup.procs": "8\n9\n",
        }
    )
    return proc, top


def test_version_2_is_read(v2: tuple[Path, Path]) -> None:
    proc, top = v2
    group = ControlGroupAccounts(top / "box/app", proc)
    assert group.cpu_ms() == pytest.approx(1234.567)
    memory = group.memory()
    assert (memory.rss_mb, memory.rss_peak_mb, memory.pss_mb, memory.uss_mb) == (4, 8, 3, 3)
    usage = group.usage()
    assert (usage.minor_faults, usage.major_faults, usage.throttled_ms) == (990, 10, 6.5)
    assert math.isnan(usage.voluntary_switches)
    assert group.missing == ()
    assert group.pids() == [7, 8, 9]


def test_a_process_leads_to_its_group_of_version_2(v2: tuple[Path, Path]) -> None:
    proc, top = v2
    group = group_of(7, proc)
    assert group is not None
    assert group.account == top / "box/app"
    assert Throttling(group).ms() == 6.5
    assert group_of(8, proc) is None


def test_a_peak_that_the_kernel_does_not_keep_is_the_highest_seen(v2: tuple[Path, Path]) -> None:
    proc, top = v2
    (top / "box/app/memory.peak").unlink()
    group = ControlGroupAccounts(top / "box/app", proc)
    assert group.memory().rss_peak_mb == 4
    (top / "box/app/memory.current").write_text("2097152\n")
    assert (group.memory().rss_mb, group.memory().rss_peak_mb) == (2, 4)


@pytest.mark.parametrize("contents", ["max\n", "", None])
def test_memory_that_cannot_be_read_is_unknown(v2: tuple[Path, Path], contents: str | None) -> None:
    proc, top = v2
    file = top / "box/app/memory.current"
    file.unlink() if contents is None else file.write_text(contents)
    group = ControlGroupAccounts(top / "box/app", proc)
    assert math.isnan(group.memory().rss_mb)
    assert group.missing == ("memory",)


def test_a_group_that_is_not_there_is_unknown(v2: tuple[Path, Path]) -> None:
    proc, top = v2
    group = ControlGroupAccounts(top / "gone", proc)
    assert math.isnan(group.cpu_ms())
    assert math.isnan(group.memory().pss_mb)
    assert math.isnan(group.usage().major_faults)
    assert group.missing == ("CPU time", "memory")
    assert group.pids() == []


@pytest.fixture
def v1(tmp_path: Path) -> tuple[Path, Path]:
    """Version 1 hierarchies in a container that shares its host's names: its own group is mounted as the top."""
    proc, top = tmp_path / "proc", tmp_path / "cgroup"
    lines = [
        _V1_MOUNT.format(
            id=number, root="/docker/abc", top=top / controllers.replace(",", "+"), controllers=controllers
        )
        for number, controllers in enumerate(("cpu,cpuacct", "memory", "name=systemd"), 40)
    ]
    _write(
        {
            proc / "self/mountinfo": "".join(lines) + "1 2 0:1 / /tmp rw - tmpfs tmpfs rw\nshort\n",
            proc / "7/cgroup": "3:name=systemd:/docker/abc\n2:memory:/docker/abc/app\n1:cpu,cpuacct:/docker/abc/app\n",
            proc / "7/smaps_rollup": "Pss: 2048 kB\n",
            top / "cpu+cpuacct/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
            top / "cpu+cpuacct/app/cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 7000000\n",
            top / "cpu+cpuacct/app/cpuacct.usage": "1500000\n",
            top / "cpu+cpuacct/app/cgroup.procs": "7\n",
            top / "memory/app/memory.usage_in_bytes": "4194304\n",
            top / "memory/app/memory.max_usage_in_bytes": "8388608\n",
            top / "memory/app/memory.stat": "rss 1\ntotal_rss 3145728\ntotal_pgfault 100\ntotal_pgmajfault 1\n",
        }
    )
    return proc, top


def test_version_1_is_read_from_all_its_hierarchies(v1: tuple[Path, Path]) -> None:
    proc, top = v1
    group = ControlGroupAccounts(top / "cpu+cpuacct/app", proc)
    assert group.cpu_ms() == 1.5
    memory = group.memory()
    assert (memory.rss_mb, memory.rss_peak_mb, memory.pss_mb, memory.uss_mb) == (4, 8, 2, 3)
    usage = group.usage()
    assert (usage.minor_faults, usage.major_faults, usage.throttled_ms) == (99, 1, 7)
    assert group.missing == ()


def test_a_process_leads_to_its_groups_of_version_1(v1: tuple[Path, Path]) -> None:
    proc, top = v1
    group = group_of(7, proc)
    assert group is not None
    assert (group.account, group.memory) == (top / "cpu+cpuacct/app", top / "memory/app")
    assert Throttling(group).ms() == 7


def test_a_memory_group_of_another_name_is_found_by_a_process_in_it(v1: tuple[Path, Path]) -> None:
    proc, top = v1
    (top / "memory/app").rename(top / "memory/elsewhere")
    (proc / "7/cgroup").write_text("2:memory:/docker/abc/elsewhere\n1:cpu,cpuacct:/docker/abc/app\n")
    assert ControlGroupAccounts(top / "cpu+cpuacct/app", proc).memory().rss_mb == 4


def test_a_group_beyond_our_namespace_is_taken_for_the_top(v1: tuple[Path, Path]) -> None:
    proc, top = v1
    (proc / "7/cgroup").write_text("1:cpu,cpuacct:/../other\n")
    group = group_of(7, proc)
    assert group is not None
    assert group.account == top / "cpu+cpuacct"
    assert group.memory is None


def test_a_machine_without_control_groups_has_none(tmp_path: Path) -> None:
    assert mounts(tmp_path) == []
    assert group_of(1, tmp_path) is None
    assert math.isnan(Throttling(None).ms())
    assert stat(1, tmp_path) is None
