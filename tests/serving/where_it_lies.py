"""A program for the fork server: says in place of a port where its next block of memory lies."""

from __future__ import annotations

import contextlib
import ctypes

from perfgate.serving.channel import Channel, ChannelClosedError, Message

_BLOCK_BYTES = 4096


def run(channel: Channel, spec: Message, forked_at_s: float) -> None:  # noqa: ARG001 - what every program takes
    """Allocate one block, say where it is, and wait for the end."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    channel.send({"port": libc.malloc(_BLOCK_BYTES), "load_time_s": 0.0})
    with contextlib.suppress(ChannelClosedError):
        channel.receive()
