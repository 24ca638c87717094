"""Whole cores of this machine, reserved by locks that the kernel releases when their holder dies."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")
_RETRY_S = 0.05


def lock_folder() -> Path:
    """Return where all users of this machine lock its cores: a folder like /tmp itself."""
    folder = Path(tempfile.gettempdir(), "perfgate-cores")
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)
    return folder


def physical_cores(cpus: Collection[int], topology: Path = _TOPOLOGY) -> tuple[tuple[int, ...], ...]:
    """Group the CPUs that a process may use by physical core: hardware threads of one core disturb each other."""
    cores: dict[frozenset[int], list[int]] = {}
    for cpu in sorted(cpus):
        cores.setdefault(_siblings(cpu, topology), []).append(cpu)
    return tuple(tuple(threads) for threads in cores.values())


def _siblings(cpu: int, topology: Path) -> frozenset[int]:
    """Return the hardware threads of a CPU's core, whether this process may use them or not."""
    try:
        text = (topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text()
    except OSError:
        text = str(cpu)
    return frozenset(_numbers(text))


def _numbers(text: str) -> list[int]:
    """Read a list of CPUs as the kernel writes it: `0,64` or `0-1`."""
    found: list[int] = []
    for part in re.findall(r"\d+(?:-\d+)?", text):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def reserve(
    cores: tuple[tuple[int, ...], ...],
    count: int,
    folder: Path,
    wait: Callable[[float], None] = time.sleep,
    topology: Path = _TOPOLOGY,
) -> tuple[int, ...]:
    """Wait until so many cores are free, lock them until this process and all that inherit from it end; return CPUs.

    A core has the same lock for all, whichever of its hardware threads they may use.

    Whoever waits holds a queue's lock, so that one that needs many cores is not passed for ever by others that need
    few. ValueError if there are not so many cores.
    """
    if count > len(cores):
        msg = f"{count} cores are wanted, but this process may use {len(cores)}"
        raise ValueError(msg)
    queue = _open(folder / "queue")
    fcntl.flock(queue, fcntl.LOCK_EX)
    try:
        held: dict[tuple[int, ...], int] = {}
        while True:
            for core in cores:
                name = f"core-{min(_siblings(core[0], topology))}"
                if len(held) < count and core not in held and (lock := _try(folder / name)) is not None:
                    held[core] = lock
            if len(held) == count:
                return tuple(cpu for core in held for cpu in core)
            wait(_RETRY_S)
    finally:
        os.close(queue)


def _open(path: Path) -> int:
    """Open a file that any user may have made, to lock it; children inherit the lock."""
    with suppress(FileNotFoundError):
        return _inheritable(os.open(path, os.O_RDONLY))
    with suppress(FileExistsError):
        handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.fchmod(handle, 0o644)  # whatever the umask: others lock it, too
        return _inheritable(handle)
    return _inheritable(os.open(path, os.O_RDONLY))


def _inheritable(handle: int) -> int:
    os.set_inheritable(handle, True)  # noqa: FBT003 - positional only
    return handle


def _try(path: Path) -> int | None:
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
