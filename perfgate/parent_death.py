"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel for this signal when the parent dies, and exit if it has died already; execve(2) keeps that."""
    ask_for_signal(number)
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(1)


def ask_for_signal(number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel for this signal when the parent dies; a fork clears the request (`man 2 PR_SET_PDEATHSIG`)."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)
