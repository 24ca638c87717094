"""perfgate's side of the supervisor: start a command, query its processes, end them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import InvalidRunError
from perfgate.serving import supervisor
from perfgate.serving.channel import Channel, ChannelClosedError, Message

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """The processes of a command: those alive, and how others ended."""

    alive: tuple[int, ...]
    """Parents before their children; without zombies."""
    exits: Mapping[int, int]
    """Exit codes of those that ended, -N for signal N; a grandchild's only after its parent is gone."""


class Supervised:
    """A command under its own supervisor."""

    def __init__(self, environ: Mapping[str, str], log: Path, cpus: Collection[int] = ()) -> None:
        """Start the supervisor; `start` then starts the command, on the given CPUs and with that environment.

        The command's output is appended to `log`.
        """
        ours, theirs = Channel.pair()
        self._control, self.log, self._said_before = ours, log, log.stat().st_size if log.exists() else 0
        # -I and -S: neither the command's environment nor installed packages influence it
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(theirs.fileno())]
        with log.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                env=environ,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # a terminal's ^C goes to perfgate only
            )
        theirs.close()
        if cpus:
            os.sched_setaffinity(self._process.pid, cpus)

    def start(self, command: Sequence[str], scratch: Path) -> tuple[int, float]:
        """Start the command; returns its process, and when it began by `time.monotonic`.

        `scratch` is removed if perfgate dies before it can do so.

        InvalidRunError if there is no such program, or it cannot be run.
        """
        answer = self._ask({"op": "start", "command": list(command), "scratch": str(scratch)})
        if "error" in answer:
            raise InvalidRunError(
                f"{command[0]} cannot be started: {answer['error'].lower()}", "check target.command and PATH"
            )
        return answer["pid"], answer["began_s"]

    def status(self) -> ProcessStatus:
        """Return which processes are alive, and how others ended."""
        answer = self._ask({"op": "status"})
        return ProcessStatus(tuple(answer["alive"]), {int(pid): code for pid, code in answer["exits"].items()})

    def adopt(self, pid: int) -> None:
        """Add a process that no longer descends from the command to those that end with it."""
        self._ask({"op": "adopt", "pid": pid})

    def last_words(self) -> str:
        """Return the last line of output since this command began."""
        with self.log.open("rb") as file:
            file.seek(self._said_before)
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "no output"

    def stop(self, grace_s: float) -> None:
        """Ask all processes to end, and kill the rest after `grace_s`; idempotent."""
        try:
            self._ask({"op": "end", "grace_s": grace_s}, grace_s + _PATIENCE_S)
        except InvalidRunError:
            self._process.kill()  # the command dies with it
        self._control.close()
        self._process.wait()

    def _ask(self, message: Message, timeout_s: float = _PATIENCE_S) -> Message:
        try:
            self._control.send(message)
            return self._control.receive(timeout_s)
        except (ChannelClosedError, TimeoutError) as error:
            raise InvalidRunError("the supervisor of a server command ended unexpectedly", f"see {self.log}") from error
