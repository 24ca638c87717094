"""The builder's process as perfgate sees it: started, given orders, and ended with everything below it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from math import ceil
from pathlib import Path
from typing import Any

from perfgate import formatting
from perfgate.errors import InvalidRunError, UsageError
from perfgate.sketch.family import MARK, kill_family

_START_TIMEOUT_S = 120.0
"""For the import of TensorFlow, which takes 5 to 9 s, and longer on a busy machine."""
_WAIT_S = 0.5
"""Timeouts are counted in waits of this length: a machine that sleeps meanwhile uses up one of them, not all."""
_LARGEST_READ_BYTES = 1 << 16

_numbers = count(1)


class BuilderProcess:
    """One process; `start`, `wait_until_ready`, then `build` as often as needed, `stop` in any case."""

    def __init__(
        self, environ: Mapping[str, str], log: Path, timeout_s: float, available_bytes: Callable[[], int]
    ) -> None:
        self._environ, self._log, self._timeout_s = environ, log, timeout_s
        self._available_bytes = available_bytes
        self._mark = f"{os.getpid()}.{next(_numbers)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._text = b""
        self._is_ready = False

    def start(self) -> None:
        """Start it in a session of its own, and return immediately; again after it died."""
        ours, theirs = socket.socketpair()
        try:
            arguments = (theirs.fileno(), os.getpid(), self._available_bytes())
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-P", "-m", "perfgate.sketch.build.program", *map(str, arguments)],
                    env=_environment(self._environ, self._mark),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = ours

    def wait_until_ready(self) -> None:
        """Wait for the import of TensorFlow, in a new process if it died; InvalidRunError if the import fails."""
        if self._is_ready:
            return
        if self._process is None:
            self.start()
        reply = self._reply(_waits(_START_TIMEOUT_S))
        if reply is None or "ready" not in reply:
            self.stop()
            why = "it did not start in time" if reply is None else reply.get("failed") or reply["died"]
            raise InvalidRunError(f"the process that builds models does not start: {why}", f"see {self._log}")
        self._is_ready = True

    def build(self, order: dict[str, Any]) -> dict[str, Any]:
        """Give an order, and wait for its last reply; UsageError if the process dies, or takes too long."""
        given, doing = order["file"], "building"
        waits = _waits(self._timeout_s)
        if not self._tell(order):
            raise self._ended(given, self._death(), doing)
        while (reply := self._reply(waits)) is not None:
            if "died" in reply:
                raise self._ended(given, reply["died"], doing)
            if "stage" not in reply:
                return reply
            doing = "exporting"
        self.stop()
        raise self._too_slow(order, doing)

    def stop(self) -> None:
        """Kill it, with all processes below it, and wait for them; idempotent."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is None:
            return
        kill_family(self._process, self._mark)
        self._process, self._text, self._is_ready = None, b"", False

    def _tell(self, order: dict[str, Any]) -> bool:
        if self._channel is None:
            raise RuntimeError("the builder has ended")
        try:
            self._channel.sendall(json.dumps(order).encode() + b"\n")
        except OSError:
            return False
        return True

    def _reply(self, waits: Iterator[int]) -> dict[str, Any] | None:
        """Wait for the next reply; `died` if the process has ended, None if the waits are used up.

        The process is watched as well as the channel, which the processes that it forks keep open.
        """
        if self._channel is None or self._process is None:
            raise RuntimeError("the builder has ended")
        process_fd = os.pidfd_open(self._process.pid)
        try:
            poll = select.poll()
            poll.register(self._channel, select.POLLIN)
            poll.register(process_fd, select.POLLIN)
            while b"\n" not in self._text:
                ready = next((dict(found) for _ in waits if (found := poll.poll(_WAIT_S * 1e3))), None)
                if ready is None:
                    return None
                data = _read(self._channel) if self._channel.fileno() in ready else b""
                if not data:
                    return {"died": self._death()}
                self._text += data
        finally:
            os.close(process_fd)
        line, _, self._text = self._text.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _death(self) -> str:
        """Return how the process ended, and end what is left of it."""
        if self._process is None:
            return "it ended"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        self.stop()
        if code is None:
            return "closed its channel"
        if code >= 0:
            return f"ended with exit code {code}"
        names = {number.value: number.name for number in signal.Signals}
        return f"ended by {names.get(-code, f'signal {-code}')}"

    def _too_slow(self, order: dict[str, Any], doing: str) -> UsageError:
        file, limit = order["file"], f"{formatting.given(self._timeout_s)} s"
        if order["kind"] == "python" and doing == "building":
            return UsageError(
                f"{file}: did not return within {limit}", "build a smaller model, or end the endless loop"
            )
        return UsageError(f"{file}: {doing} it took more than {limit}", "make its tables or layers smaller")

    def _ended(self, given: str, how: str, doing: str) -> UsageError:
        perhaps = "perhaps there was not enough memory; " if "SIGKILL" in how else ""
        return UsageError(f"{given}: {how} while {doing}", f"{perhaps}its output is in {self._log}")


def _waits(timeout_s: float) -> Iterator[int]:
    return iter(range(ceil(timeout_s / _WAIT_S)))


def _read(channel: socket.socket) -> bytes:
    """Return what is there; nothing if the other end is gone, even if it left orders unread."""
    try:
        return channel.recv(_LARGEST_READ_BYTES)
    except ConnectionError:
        return b""


def _environment(environ: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return the builder's environment: TensorFlow on CPUs, quiet."""
    fixed = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONUNBUFFERED": "1", MARK: mark}
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **environ, **fixed}
