"""The process that builds untrained models: `python -P -m perfgate.sketch.build.program CHANNEL_FD PARENT_PID BYTES`.

Orders and replies are lines of JSON over a socket of their own, for the code of a sketch may print. It builds one model
after the other, so that TensorFlow is imported only once. It may take BYTES of memory: more is an error here, and not
the kernel's choice of a process to kill.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Build what is ordered until the channel closes."""
    _tie_to(int(sys.argv[2]))
    resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[3]),) * 2)
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


def _tie_to(parent_pid: int) -> None:
    """Let this process end with its parent, and every process that a sketch forks with this one.

    What a sketch starts otherwise becomes a child of this process when its own parent ends, so that it is found.
    """
    _die_with_parent()
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(1)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    os.register_at_fork(after_in_child=_die_with_parent)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
