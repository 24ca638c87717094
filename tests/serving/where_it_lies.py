"""A program for the fork server that reports the address of its next block of memory instead of a port."""

from __future__ import annotations

import contextlib
import ctypes

from perfgate.serving.channel import Channel, ChannelClosedError, Message

_BLOCK_BYTES = 4096


def run(channel: Channel, spec: Message, forked_at_s: float) -> None:  # noqa: ARG001 - every program takes it
    """Allocate one block, report its address, and wait for the end."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    channel.send({"port": libc.malloc(_BLOCK_BYTES), "load_time_s": 0.0})
    with contextlib.suppress(ChannelClosedError):
        channel.receive()
