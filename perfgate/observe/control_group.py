"""CPU, memory and throttling of a control group, version 1 or 2 (Linux's admin-guide/cgroup-v2.rst, cgroup-v1/)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from perfgate.observe import proc_files
from perfgate.observe.proc_files import PROC, mib, numbers, text
from perfgate.trials import Memory, Usage

_V2 = ""
"""How /proc/PID/cgroup names the hierarchy of version 2, which has all controllers in one."""


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a hierarchy can be seen."""

    controllers: frozenset[str]
    """`{""}` for version 2."""
    root: PurePosixPath
    """Which group of the hierarchy is mounted: another than `/` in a container that shares its host's names."""
    directory: Path


@dataclass(frozen=True, slots=True)
class Group:
    """The directories of one group, by what is read there; None where this machine shows none."""

    v2: bool
    account: Path | None
    """CPU time, and the group's processes."""
    quota: Path | None
    """Throttling."""
    memory: Path | None
    quota_top: Path | None = None
    """Above this directory there are no more groups that could limit it."""


def mounts(proc: Path = PROC) -> list[Mount]:
    """All hierarchies, from mountinfo(5), which tells the root of a mount; /proc/mounts does not."""
    found = []
    for line in (text(proc / "self/mountinfo") or "").splitlines():
        place, _, kind = line.partition(" - ")
        fields, options = place.split(), kind.split()
        if len(fields) < 5 or len(options) < 3 or options[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = {_V2} if options[0] == "cgroup2" else set(options[2].split(","))
        found.append(Mount(frozenset(controllers), PurePosixPath(_plain(fields[3])), Path(_plain(fields[4]))))
    return found


def _plain(path: str) -> str:
    """Undo the kernel's octal escapes of spaces in paths."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path)


def group_of(pid: int, proc: Path = PROC) -> Group | None:
    """Find the control group that a process is in; None where there is none to be seen."""
    inside: dict[str, PurePosixPath] = {}
    hierarchies = mounts(proc)
    for line in (text(f"{proc}/{pid}/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inside |= dict.fromkeys(controllers.split(","), PurePosixPath(path))
    places = {name: _directory(name, path, hierarchies) for name, path in inside.items()}
    tops = {name: mount.directory for mount in hierarchies for name in mount.controllers}
    if places.get("cpuacct") is None:
        own = places.get(_V2)
        return None if own is None else Group(v2=True, account=own, quota=own, memory=own, quota_top=tops[_V2])
    return Group(
        v2=False,
        account=places["cpuacct"],
        quota=places.get("cpu"),
        memory=places.get("memory"),
        quota_top=tops.get("cpu"),
    )


def _directory(controller: str, path: PurePosixPath, hierarchies: list[Mount]) -> Path | None:
    for mount in hierarchies:
        if controller in mount.controllers:
            seen = path.is_relative_to(mount.root) and ".." not in path.parts  # else it is beyond our own namespace
            return mount.directory / (path.relative_to(mount.root) if seen else "")
    return None


def group_at(directory: Path, proc: Path = PROC) -> Group:
    """Find the group that one directory names; of version 1 the `cpuacct` one, whose namesakes have the rest.

    Where another controller has no group of that name, it is the one that the group's first process is in.
    """
    hierarchies = mounts(proc)
    if not (directory / "cpuacct.usage").exists():
        return Group(v2=True, account=directory, quota=directory, memory=directory, quota_top=_top(_V2, hierarchies))
    own = next((mount for mount in hierarchies if directory.is_relative_to(mount.directory)), None)
    first = next(iter(_pids(directory)), None)
    of_first = None if first is None else group_of(first, proc)

    def namesake(controller: str) -> Path | None:
        top = _top(controller, hierarchies)
        if own is not None and top is not None and (there := top / directory.relative_to(own.directory)).is_dir():
            return there
        return None

    quota, memory = namesake("cpu"), namesake("memory")
    if of_first is not None:
        quota, memory = quota or of_first.quota, memory or of_first.memory
    return Group(v2=False, account=directory, quota=quota, memory=memory, quota_top=_top("cpu", hierarchies))


def _top(controller: str, hierarchies: list[Mount]) -> Path | None:
    return next((mount.directory for mount in hierarchies if controller in mount.controllers), None)


def _pids(directory: Path) -> Iterator[int]:
    """List the processes of a group and of the groups in it."""
    for group in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        yield from (int(line) for line in (text(group / "cgroup.procs") or "").split() if line != "0")


class Throttling:
    """How long CPU limits kept a group from running: its own limit and those of the groups around it, added up."""

    def __init__(self, group: Group | None) -> None:
        self._files: list[Path] = []
        if group is not None and group.quota is not None:
            within = [path for path in group.quota.parents if group.quota_top and path.is_relative_to(group.quota_top)]
            self._files = [path / "cpu.stat" for path in (group.quota, *within)]
        self._name, self._per_ms = ("throttled_usec", 1e3) if group is None or group.v2 else ("throttled_time", 1e6)

    def ms(self) -> float:
        """Milliseconds since the group exists; NaN where no limit can be set."""
        counts = [numbers(text(file)).get(self._name) for file in self._files]
        known = [count for count in counts if count is not None]
        return sum(known) / self._per_ms if known else math.nan


class ControlGroupAccounts:
    """Observes all processes of a control group, those that come, go and ended included.

    RSS is what is charged to the group, file cache of its own included: what counts against its limit. USS is its
    anonymous memory, PSS the sum over the processes in it.
    """

    def __init__(self, directory: Path, proc: Path = PROC) -> None:
        self._group, self._proc = group_at(directory, proc), proc
        self._throttling, self._peak_mb = Throttling(self._group), 0.0

    def cpu_ms(self) -> float:
        """CPU time of all that ever ran in the group or one within; in steps of 1 us (v2) or 1 ns (v1)."""
        if self._group.v2:
            return numbers(self._read(self._group.account, "cpu.stat")).get("usage_usec", math.nan) / 1e3
        return _number(self._read(self._group.account, "cpuacct.usage")) / 1e6

    def memory(self) -> Memory:
        """Memory now; reading PSS takes milliseconds a process."""
        now, most = ("current", "peak") if self._group.v2 else ("usage_in_bytes", "max_usage_in_bytes")
        charged_mb = mib(_number(self._read(self._group.memory, f"memory.{now}")))
        peak_mb = mib(_number(self._read(self._group.memory, f"memory.{most}")))  # v2 has it since Linux 5.19
        if math.isnan(charged_mb):
            return proc_files.UNKNOWN_MEMORY
        self._peak_mb = max(self._peak_mb, charged_mb, 0.0 if math.isnan(peak_mb) else peak_mb)
        detail = numbers(self._read(self._group.memory, "memory.stat"))
        own_mb = mib(detail.get("anon" if self._group.v2 else "total_rss", math.nan))
        return Memory(charged_mb, self._peak_mb, self._pss_mb(), own_mb)

    def usage(self) -> Usage:
        """Faults of the whole group, and how long it was throttled; who switched is not counted by group."""
        count = numbers(self._read(self._group.memory, "memory.stat"))
        before = "" if self._group.v2 else "total_"
        all_faults, major = (count.get(before + name, math.nan) for name in ("pgfault", "pgmajfault"))
        return Usage(minor_faults=all_faults - major, major_faults=major, throttled_ms=self._throttling.ms())

    @property
    def missing(self) -> tuple[str, ...]:
        """What the group's controllers do not count."""
        unknown = {"CPU time": self.cpu_ms(), "memory": _number(self._read(self._group.memory, self._now))}
        return tuple(word for word, value in unknown.items() if math.isnan(value))

    def pids(self) -> list[int]:
        """List the processes that are in the group now."""
        return [] if self._group.account is None else list(_pids(self._group.account))

    @property
    def _now(self) -> str:
        return "memory.current" if self._group.v2 else "memory.usage_in_bytes"

    def _pss_mb(self) -> float:
        shares = [proc_files.memory(pid, self._proc).pss_mb for pid in self.pids()]
        known = [share for share in shares if not math.isnan(share)]
        return sum(known) if known else math.nan

    @staticmethod
    def _read(directory: Path | None, name: str) -> str | None:
        return None if directory is None else text(directory / name)


def _number(contents: str | None) -> float:
    """Read the one number in a file; NaN for none, and for `max`."""
    try:
        return float((contents or "").strip())
    except ValueError:
        return math.nan
