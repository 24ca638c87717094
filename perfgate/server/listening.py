"""The port that a server listens on."""

from __future__ import annotations

import socket

_BACKLOG = 1024


def listen(host: str, port: int, which: str = "") -> socket.socket:
    """Open the port (0: any free one); OSError, with a message that ends with `which`, if that fails."""
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}{which}") from error
