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
from pathlib import Path

from perfgate.fleet.engine import Ended, Order

_GRACE_S = 20.0
"""Time for perfgate to stop its servers."""


class Measuring:
    """A running measurement."""

    def __init__(self, order: Order, node: str) -> None:
        """Start it; OSError if its log cannot be written."""
        self.order, self._node, self._asked_s = order, node, time.time()
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

    @property
    def over_s(self) -> float:
        """How long it has taken beyond its limit, seconds; negative within it."""
        return time.time() - self._asked_s - self.order.most_s

    def stop(self, why: str) -> None:
        """End it, with its servers."""
        self._killed = why
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def ended(self) -> Ended:
        """Collect an ended process."""
        said, _ = self._process.communicate()
        os.close(self.pidfd)
        first = said.partition(b"\n")[0]
        cpus: tuple[int, ...] = ()
        began_s = self._asked_s
        with suppress(ValueError, KeyError):
            facts = json.loads(first)
            cpus, began_s = tuple(facts["cpus"]), float(facts["began_s"])
        code = None if self._killed else self._process.returncode
        return Ended(self.order.order_id, self._node, cpus, began_s, time.time(), code, self._killed)


def finished(running: list[Measuring], seconds: float) -> list[Measuring]:
    """Return the measurements that ended, after the first ending or so many seconds; stops those over their limit."""
    poll = select.poll()
    for each in running:
        poll.register(each.pidfd, select.POLLIN)
    ready = {handle for handle, _ in poll.poll(seconds * 1e3)}
    for each in running:
        if each.pidfd not in ready and each.over_s > 0:
            each.stop("it did not end in time")
            ready.add(each.pidfd)
    return [each for each in running if each.pidfd in ready]
