"""Control messages between perfgate, its fork servers and their replicas: JSON over Unix sequenced packets.

A packet is a message, so no framing is needed; the kernel closes the socket with the process, so a peer's death is an
immediate end of file; and a packet carries file descriptors, so each replica gets a channel of its own.
"""

from __future__ import annotations

import json
import socket
from typing import Any

MAX_MESSAGE_BYTES = 64 * 1024

Message = dict[str, Any]


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """One end of a control channel."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Make a pair of connected channels."""
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(left), cls(right)

    @classmethod
    def from_fd(cls, fd: int) -> Channel:
        """Take over an inherited descriptor."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """File descriptor, for poll and for passing it on."""
        return self._socket.fileno()

    def send(self, message: Message, pass_channel: Channel | None = None) -> None:
        """Send one message, with a channel for the receiver if given; ChannelClosedError if the peer is gone."""
        data = json.dumps(message).encode()
        fds = [] if pass_channel is None else [pass_channel.fileno()]
        try:
            socket.send_fds(self._socket, [data], fds)
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self, timeout_s: float | None = None) -> Message:
        """Wait for one message; TimeoutError if none came in time, ChannelClosedError if the peer is gone."""
        return self.receive_with_channel(timeout_s)[0]

    def receive_with_channel(self, timeout_s: float | None = None) -> tuple[Message, Channel | None]:
        """Wait for one message, and the channel that came with it, if any."""
        self._socket.settimeout(timeout_s)
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, MAX_MESSAGE_BYTES, 1)
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelClosedError from error
        if not data:
            raise ChannelClosedError
        return json.loads(data), (Channel.from_fd(fds[0]) if fds else None)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
