"""Locations of control groups: directories of version 1 and 2 (Linux's admin-guide/cgroup-v2.rst, cgroup-v1/)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from perfgate.observe.proc_files import PROC, Read, text

_V2 = ""
"""Name of the version 2 hierarchy, which has all controllers, in /proc/PID/cgroup."""

Levels = tuple[Path, ...]
"""Directories of a group and its ancestors, the innermost first: a limit of any of them applies to the group."""


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a hierarchy is mounted."""

    controllers: frozenset[str]
    """`{""}` for version 2."""
    root: PurePosixPath
    """The group of the hierarchy that is mounted: not `/` in a container that shares its host's namespace."""
    directory: Path


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The directories of one group, by what is read there; None or empty if this machine has none."""

    v2: bool
    account: Path | None
    """CPU time, and the group's processes."""
    cpu: Levels
    """CPU limits and throttling."""
    memory: Path | None


def mounts(proc: Path = PROC, read: Read = text) -> list[Mount]:
    """List all hierarchies, from mountinfo(5), which includes the root of a mount; /proc/mounts does not."""
    found = []
    for line in (read(f"{proc}/self/mountinfo") or "").splitlines():
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


def own_levels(controller: str, read: Read = text) -> Levels:
    """Return the directories of this process's group and of its ancestors.

    Those of version 1 if it has the controller, else those of version 2; empty if this machine has neither.
    """
    seen = _seen("self", PROC, read)
    return seen.get(controller) or seen.get(_V2, ())


def group_of(pid: int, proc: Path = PROC) -> ControlGroup | None:
    """Find the control group of a process; None if there is none visible."""
    seen = _seen(pid, proc, text)
    if "cpuacct" not in seen:
        own = seen.get(_V2)
        return None if own is None else ControlGroup(v2=True, account=own[0], cpu=own, memory=own[0])
    memory = seen.get("memory")
    return ControlGroup(
        v2=False, account=seen["cpuacct"][0], cpu=seen.get("cpu", ()), memory=memory[0] if memory else None
    )


def _seen(pid: int | str, proc: Path, read: Read) -> Mapping[str, Levels]:
    """Find a process's groups, by controller."""
    hierarchies, found = mounts(proc, read), {}
    for line in (read(f"{proc}/{pid}/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for name in controllers.split(","):
            if (mount := _mount(name, hierarchies)) is not None:
                found[name] = _levels(_below(mount, PurePosixPath(path)), mount.directory)
    return found


def _below(mount: Mount, group: PurePosixPath) -> Path:
    """Find a group below a mount; one outside of our own namespace counts as the top."""
    seen = group.is_relative_to(mount.root) and ".." not in group.parts
    return mount.directory / (group.relative_to(mount.root) if seen else "")


def _levels(directory: Path, top: Path | None) -> Levels:
    """Go up from a group to the top of the mount; without a top there is only the group itself."""
    return (directory, *(path for path in directory.parents if top is not None and path.is_relative_to(top)))


def group_at(directory: Path, proc: Path = PROC) -> ControlGroup:
    """Find the group that one directory names; of version 1 the `cpuacct` one, whose namesakes have the rest.

    If another controller has no group of that name, the group of the first process in it is used.
    """
    hierarchies = mounts(proc)
    if not (directory / "cpuacct.usage").exists():
        levels = _levels(directory, _top(_V2, hierarchies))
        return ControlGroup(v2=True, account=directory, cpu=levels, memory=directory)
    own = next((mount for mount in hierarchies if directory.is_relative_to(mount.directory)), None)
    first = next(pids_in(directory), None)
    of_first = None if first is None else group_of(first, proc)

    def namesake(controller: str) -> Path | None:
        top = _top(controller, hierarchies)
        if own is not None and top is not None and (there := top / directory.relative_to(own.directory)).is_dir():
            return there
        return None

    cpu, memory = namesake("cpu"), namesake("memory")
    levels = () if cpu is None else _levels(cpu, _top("cpu", hierarchies))
    if of_first is not None:
        levels, memory = levels or of_first.cpu, memory or of_first.memory
    return ControlGroup(v2=False, account=directory, cpu=levels, memory=memory)


def _mount(controller: str, hierarchies: list[Mount]) -> Mount | None:
    return next((mount for mount in hierarchies if controller in mount.controllers), None)


def _top(controller: str, hierarchies: list[Mount]) -> Path | None:
    mount = _mount(controller, hierarchies)
    return None if mount is None else mount.directory


def pids_in(directory: Path) -> Iterator[int]:
    """List the processes of a group and of the groups below it."""
    for group in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        yield from (int(line) for line in (text(group / "cgroup.procs") or "").split() if line != "0")
