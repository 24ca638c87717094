"""One measurement as a child process with cores of its own: the same on this machine and on a node of a cluster."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from math import inf
from pathlib import Path

from perfgate.fleet.engine import OVERDUE, Ended, Order

STOPPED = "the fleet was stopped"
_SOON_S = 3.0
"""Time in which a launcher begins that waits for nobody."""
_GRACE_S = 20.0
"""Time for perfgate to stop its servers."""


class Measuring:
    """A running measurement."""

    def __init__(self, order: Order, node: str) -> None:
        """Start it; OSError if its log cannot be written."""
        self.order, self._node, self._asked_s = order, node, time.time()
        self._said = b""
        command = [sys.executable, "-P", "-m", "perfgate", *order.arguments]
        launcher = [sys.executable, "-P", "-m", "perfgate.fleet.launcher", str(os.getpid()), str(order.cores)]
        Path(order.log).parent.mkdir(parents=True, exist_ok=True)
        with Path(order.log).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*launcher, *command], cwd=order.cwd, env=dict(order.environ), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.pidfd = os.pidfd_open(self._process.pid)
        self._killed = ""
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def over_s(self) -> float:
        """How long it has taken beyond its limit, seconds; negative within it, and while it waits for its cores."""
        _, began_s = self._cores()
        return -inf if began_s is None else time.time() - began_s - self.order.most_s

    @property
    def has_begun(self) -> bool:
        """Whether it has its cores."""
        return self._cores()[1] is not None

    @property
    def waits(self) -> bool:
        """Whether others have had its cores for some seconds."""
        return not self.has_begun and time.time() - self._asked_s > _SOON_S

    def _cores(self) -> tuple[tuple[int, ...], float | None]:
        """Return its CPUs, and when it got them: None until then. The launcher says so in its first line."""
        if self._process.stdout is not None and b"\n" not in self._said:
            with suppress(BlockingIOError):
                self._said += os.read(self._process.stdout.fileno(), 65536)
        with suppress(ValueError, KeyError, TypeError):
            facts = json.loads(self._said.partition(b"\n")[0])
            return tuple(facts["cpus"]), float(facts["began_s"])
        return (), None

    def ask_to_stop(self, why: str) -> None:
        """Ask it to end, with its servers."""
        self._killed = why
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def stop(self, why: str) -> None:
        """End it, with its servers."""
        self.ask_to_stop(why)
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def ended(self) -> Ended:
        """Collect an ended process."""
        self._process.wait()
        cpus, began_s = self._cores()
        if self._process.stdout is not None:
            self._process.stdout.close()
        os.close(self.pidfd)
        code = None if self._killed else self._process.returncode
        began_s = self._asked_s if began_s is None else began_s
        return Ended(self.order.order_id, self._node, cpus, began_s, time.time(), code, self._killed)


def finished(running: list[Measuring], seconds: float) -> list[Measuring]:
    """Return the measurements that ended, after the first ending or so many seconds; stops those over their limit."""
    poll = select.poll()
    for each in running:
        poll.register(each.pidfd, select.POLLIN)
    ready = {handle for handle, _ in poll.poll(seconds * 1e3)}
    for each in running:
        if each.pidfd not in ready and each.over_s > 0:
            each.stop(OVERDUE)
            ready.add(each.pidfd)
    return [each for each in running if each.pidfd in ready]
