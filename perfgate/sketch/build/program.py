"""The process that builds untrained models: `python -P -m perfgate.sketch.build.program CHANNEL_FD PARENT_PID BYTES`.

Orders and replies are lines of JSON over a socket of their own, for the code of a sketch may print. It builds one model
after the other, so that TensorFlow is imported only once. It may take BYTES of memory: more is an error here, and not
the kernel's choice of a process to kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

from perfgate.parent_death import ask_for_signal, die_with_parent

_RESERVED_BYTES, _RESERVED_BYTES_PER_CPU = 1 << 30, 64 << 20


def main() -> None:
    """Build what is ordered until the channel closes."""
    _tie_to(int(sys.argv[2]))
    _limit(int(sys.argv[3]))
    with socket.socket(fileno=int(sys.argv[1])) as channel:

        def tell(reply: dict[str, Any]) -> None:
            channel.sendall(json.dumps(reply).encode() + b"\n")

        try:
            from perfgate.sketch.build.order import carry_out  # noqa: PLC0415 - imports TensorFlow, in seconds
        except Exception as error:  # noqa: BLE001 - any reason why it cannot start is the answer
            tell({"failed": f"{type(error).__name__}: {error}"})
            return
        tell({"ready": os.getpid()})
        with channel.makefile("rb") as orders:
            for order in orders:
                tell(carry_out(json.loads(order), tell))


def _limit(available_bytes: int) -> None:
    """Make it an error to take more memory, and this process the first to end if the kernel runs out of it after all.

    Addresses that a thread or a library of linear algebra reserves, and does not use, count too.
    """
    most = available_bytes + _RESERVED_BYTES + _RESERVED_BYTES_PER_CPU * (os.cpu_count() or 1)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _tie_to(parent_pid: int) -> None:
    """Let this process end with its parent, and every process that a sketch forks with this one."""
    die_with_parent(parent_pid)
    os.register_at_fork(after_in_child=ask_for_signal)


if __name__ == "__main__":
    main()
