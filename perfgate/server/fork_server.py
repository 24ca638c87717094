"""The process that imports TensorFlow once and forks a server on request.

Run as `-m perfgate.server.fork_server PROGRAM CHANNEL_FD PARENT_PID [MODULE ...]`: a forked server executes `run` of
the module PROGRAM; the other modules are imported for it.

Forking is safe here because nothing but imports has happened: no session, channel or server exists, so no thread of
TensorFlow or gRPC holds a lock (docs/explanation/serving.md). This module must stay that way.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import time
from functools import partial
from types import ModuleType

from perfgate.parent_death import die_with_parent
from perfgate.server.layout import draw, run_in
from perfgate.server.namespace import leave_out_namespace
from perfgate.serving.channel import Channel, ChannelClosedError, Message


def _fork(program: ModuleType, control: Channel, channel: Channel, spec: Message) -> int:
    """Fork one replica; the child never returns."""
    forked_at_s, parent_pid = time.monotonic(), os.getpid()
    pid = os.fork()
    if pid:
        channel.close()
        return pid
    exit_code = 1
    try:
        die_with_parent(parent_pid)
        control.close()
        serve = partial(program.run, channel, spec, forked_at_s)
        if spec.get("layout") is None:
            serve()
        else:
            run_in(draw(*spec["layout"]), serve)
        exit_code = 0
    finally:
        sys.stderr.flush()
        os._exit(exit_code)  # no interpreter shutdown: it would join TensorFlow's threads


def _reap(pid: int) -> Message:
    """Return how a replica ended, after waiting for at most a second."""
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return {"exit": os.waitstatus_to_exitcode(status)}
        time.sleep(0.01)
    return {"exit": None}


def _log_to(path: str) -> None:
    """Move the output so far, and redirect further output, to the end of a file; also for later forks."""
    said = os.pread(2, os.fstat(2).st_size, 0)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(file, said)
    for standard in (1, 2):
        os.dup2(file, standard)
    os.close(file)


def main() -> None:
    """Serve fork requests until the control channel closes."""
    die_with_parent(int(sys.argv[3]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # perfgate handles ^C; it closes the channel
    control = Channel.from_fd(int(sys.argv[2]))
    leave_out_namespace()
    gc.disable()  # a tenth of the import time, since there is little to collect
    program, *_ = map(importlib.import_module, (sys.argv[1], *sys.argv[4:]))  # TensorFlow above all
    gc.collect()
    gc.freeze()  # keep the children's garbage collector off the shared pages
    gc.enable()
    with contextlib.suppress(ChannelClosedError):
        control.send({"ready": os.getpid()})
        while True:
            message, channel = control.receive_with_channel()
            if message["op"] == "start" and channel is not None:
                control.send({"pid": _fork(program, control, channel, message["spec"])})
            elif message["op"] == "log":
                _log_to(message["path"])
            else:
                control.send(_reap(message["pid"]))


if __name__ == "__main__":
    main()
