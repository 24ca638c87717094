"""The process between perfgate and a command that it started: no process of the command outlives it.

Run as `supervisor.py CHANNEL_FD`, by its path and without importing perfgate, so that it starts in some 30 ms. It is
the subreaper of all that the command starts: a process that daemonises becomes its child, not init's (`man 2 prctl`).
It sleeps until perfgate sends a message. When perfgate's end of the channel closes, even by SIGKILL, it kills the whole
tree and ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import time
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_LONGEST_MESSAGE_BYTES = 1 << 20
_KILLING_S = 10.0
"""After this, remaining processes are asleep in the kernel, where no signal reaches them."""
_LOOKS = 10

_libc = ctypes.CDLL(None, use_errno=True)


def process(pid: int) -> tuple[str, int, int] | None:
    """Read state, parent and start time (ticks since boot) of a process from proc(5); None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib doubles the time to start
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[1]), int(fields[19])


class Family:
    """All processes of the command, and those adopted by their number."""

    def __init__(self) -> None:
        self._exits: dict[int, int] = {}
        self._adopted: dict[int, int] = {}
        self._scratch = ""

    def start(self, command: list[str], scratch: str) -> dict[str, Any]:
        """Start the command in a session of its own; `scratch` is a directory to remove if perfgate dies."""
        self._scratch = scratch
        reading, writing = os.pipe()
        began_s, parent = time.monotonic(), os.getpid()
        pid = os.fork()
        if not pid:
            os.close(reading)
            _become(command, parent, writing)
        os.close(writing)
        with os.fdopen(reading) as failed:
            why = failed.read()
        if why:
            os.waitpid(pid, 0)
            return {"error": why}
        return {"pid": pid, "began_s": began_s}

    def adopt(self, pid: int) -> dict[str, Any]:
        """Include a process that does not descend from ours."""
        if found := process(pid):
            self._adopted[pid] = found[2]
        return {"alive": found is not None}

    def status(self) -> dict[str, Any]:
        """Return which processes are alive, and how others ended."""
        return {"alive": self._alive(), "exits": {str(pid): code for pid, code in self._exits.items()}}

    def bereaved(self) -> None:
        """Kill all processes and clean up, because perfgate is gone."""
        self._finish(0.0)
        if self._scratch:
            import shutil  # noqa: PLC0415 - a third of the start time, and rarely needed

            shutil.rmtree(self._scratch, ignore_errors=True)

    def end(self, grace_s: float) -> dict[str, Any]:
        """Ask all to end, wait, kill the rest, and return those still alive."""
        self._scratch = ""  # perfgate is alive, and others may use it
        self._finish(grace_s)
        return {"alive": self._alive()}

    def _finish(self, grace_s: float) -> None:
        if grace_s > 0:
            self._signal(signal.SIGTERM)
            self._wait(grace_s)
        end_s = time.monotonic() + _KILLING_S
        while self._alive() and time.monotonic() < end_s:  # again, for processes forked meanwhile
            self._signal(signal.SIGKILL)
            self._wait(0.05)

    def _wait(self, limit_s: float) -> None:
        end_s = time.monotonic() + limit_s
        while self._alive() and time.monotonic() < end_s:
            time.sleep(0.01)

    def _signal(self, number: int) -> None:
        for pid in self._alive():
            try:
                os.kill(pid, number)
            except OSError:
                continue

    def _reap(self) -> bool:
        """Record how our children ended; return whether any did."""
        before = len(self._exits)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            self._exits[pid] = os.waitstatus_to_exitcode(status)
        return len(self._exits) > before

    def _alive(self) -> list[int]:
        """Return the living processes, parents before their children; dead children have been reaped.

        A single scan may miss a process whose parent ends at that moment, so two scans must agree.
        """
        found = self._look()
        for _ in range(_LOOKS):
            before, ended, found = found, self._reap(), self._look()
            if found == before and not ended:
                break
        return found

    def _look(self) -> list[int]:
        every = {int(name): process(int(name)) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208
        living = {pid: each for pid, each in every.items() if each is not None and each[0] != "Z"}
        adopted = [pid for pid, began in self._adopted.items() if pid in living and living[pid][2] == began]
        family = [os.getpid(), *adopted]
        for one in family:
            family += [pid for pid, each in living.items() if each[1] == one and pid not in family]
        return family[1:]


def _become(command: list[str], parent: int, failed: int) -> None:
    """Turn the forked child into the command; never returns."""
    try:
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - no shell, on purpose
    except (OSError, ValueError) as error:
        os.write(failed, (getattr(error, "strerror", None) or str(error)).encode())
    finally:
        os._exit(127)


def main() -> None:
    """Execute perfgate's messages until it is gone."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with its channel only
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - it takes no keyword
    control, family = socket.socket(fileno=descriptor), Family()
    try:
        while data := control.recv(_LONGEST_MESSAGE_BYTES):
            message = json.loads(data)
            answer = getattr(family, message.pop("op"))(**message)
            control.send(json.dumps(answer).encode())
    except OSError:
        pass  # perfgate is gone
    finally:
        family.bereaved()


if __name__ == "__main__":
    main()
