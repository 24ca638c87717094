"""Limits on what all clients together may use of one server, so that they cannot exhaust its memory."""

from __future__ import annotations

import resource
import threading

MAX_HELD_BYTES = 512 << 20
MAX_RPCS = 8192
MAX_CONNECTIONS = 1024
_OTHER_FILES = 128
"""File descriptors left for other purposes, so that an excess connection can be accepted and closed."""


def max_connections() -> int:
    """Return how many connections may be open: 1,024, or what the process's limit of open files allows."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else max(1, min(MAX_CONNECTIONS, files - _OTHER_FILES))


class Limits:
    """Counts requests, and bytes of requests and responses from arrival until the response has been sent."""

    def __init__(self, max_bytes: int = MAX_HELD_BYTES, max_rpcs: int = MAX_RPCS) -> None:
        self._max_bytes, self._max_rpcs = max_bytes, max_rpcs
        self._lock = threading.Lock()
        self._bytes = self._rpcs = 0

    def enter(self) -> bool:
        """Count one more request, unless there are too many."""
        with self._lock:
            if self._rpcs >= self._max_rpcs:
                return False
            self._rpcs += 1
            return True

    def hold(self, size: int, own: int) -> bool:
        """Count more bytes, unless there are too many; a request that already holds everything may continue."""
        with self._lock:
            if self._bytes > own and self._bytes + size > self._max_bytes:
                return False
            self._bytes += size
            return True

    def leave(self, size: int) -> None:
        """Remove a request and the bytes held for it."""
        with self._lock:
            self._rpcs -= 1
            self._bytes -= size

    @property
    def held(self) -> tuple[int, int]:
        """Current requests and bytes."""
        with self._lock:
            return self._rpcs, self._bytes
