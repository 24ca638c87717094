"""Workers of the load generator as processes of this machine."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from perfgate.errors import how_it_ended
from perfgate.loadgen.clock_offset import SAME_CLOCK, ClockOffset
from perfgate.loadgen.worker import read_all, write_all
from perfgate.loadgen.worker_interface import Answer, LostWorkerError, WorkerChannel


class LocalWorker:
    """One worker process, and the in-memory files that it shares with its parent."""

    def __init__(self, number: int) -> None:
        self._files: tuple[int, ...] = tuple(os.memfd_create(name) for name in ("calls", "records", "sent"))
        self._calls_file, self._records_file, self._sent_file = self._files
        command = [sys.executable, "-P", "-m", "perfgate.loadgen.worker", *map(str, self._files), str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, pass_fds=self._files, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._number = number
        self._text = b""

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def name(self) -> str:
        """The worker in messages."""
        return f"load worker {self._number} (process {self.pid})"

    @property
    def ip(self) -> str:
        """On this machine."""
        return ""

    def tell(self, order: dict[str, Any], data: bytes = b"") -> None:
        """Send the worker an order."""
        if self._process.stdin is None:
            raise self._gone()
        if data:
            write_all(self._calls_file, data)
        if order["op"] == "go":
            write_all(self._sent_file, b"")
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def answer(self, timeout_s: float) -> Answer:
        """Wait for the reply to the last order; LostWorkerError if the process has died."""
        end_s = time.monotonic() + timeout_s
        while b"\n" not in self._text:
            if not _readable([self], end_s - time.monotonic()):
                raise LostWorkerError(f"{self.name} does not answer", "check whether the machine is overloaded")
            if not (data := os.read(self.fileno(), 65536)):
                raise self._gone()
            self._text += data
        line, _, self._text = self._text.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found, read_all(self._records_file) if found["bytes"] else b""

    def clock_offset(self) -> ClockOffset:
        """Return that both have the same clock."""
        return SAME_CLOCK

    def end_sending(self) -> None:
        """Let it send nothing more."""
        self._signal(signal.SIGUSR1)

    def ask_sent(self) -> None:
        """Ask how many requests of the series in progress it has sent."""
        self._signal(signal.SIGUSR2)

    @property
    def sent(self) -> int:
        """Requests that it had sent when it was last asked; it writes them while it sends."""
        return int(read_all(self._sent_file) or b"0")

    def stop(self) -> None:
        """End the process; idempotent."""
        self._process.kill()
        self._process.communicate()
        for file in self._files:
            os.close(file)
        self._files = ()

    def fileno(self) -> int:
        """Return the file from which replies are read."""
        if self._process.stdout is None:
            raise self._gone()
        return self._process.stdout.fileno()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal; the worker has handlers since it replied to its first order."""
        with suppress(OSError):  # it has died
            self._process.send_signal(number)

    def _gone(self) -> LostWorkerError:
        try:
            how = how_it_ended(self._process.wait(1.0))
        except subprocess.TimeoutExpired:
            how = "it closed its channel"
        return LostWorkerError(f"{self.name} died: {how}", "run again")


class LocalWorkers:
    """Starts worker processes."""

    remote = False
    host = "127.0.0.1"
    lead_s = 0.003
    """An order takes some 0.1 ms."""

    def __init__(self) -> None:
        self._processes: list[LocalWorker] = []

    def start(self, number: int) -> Sequence[LocalWorker]:
        """Start the processes; they import for a moment, before their first reply."""
        self._processes += [LocalWorker(each + 1) for each in range(number)]
        return tuple(self._processes)

    def answered(self, channels: Sequence[WorkerChannel], timeout_s: float) -> Sequence[WorkerChannel]:
        """Wait for the first replies or deaths."""
        return _readable([channel for channel in channels if isinstance(channel, LocalWorker)], timeout_s)

    def stop(self) -> None:
        """End the processes; idempotent."""
        for process in self._processes:
            process.stop()
        self._processes.clear()


def _readable(workers: Sequence[LocalWorker], timeout_s: float) -> list[LocalWorker]:
    """Wait until there is something to read; a process that has died counts too."""
    poll, by_file = select.poll(), {worker.fileno(): worker for worker in workers}  # `select` ends at file 1023
    for file in by_file:
        poll.register(file, select.POLLIN)
    return [by_file[file] for file, _ in poll.poll(max(0.0, timeout_s) * 1e3)]
