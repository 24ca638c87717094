"""The event loop's two waits: for libcurl's sockets and for its timer."""

from __future__ import annotations

import select
from collections.abc import Callable
from math import inf
from typing import Any

import pycurl


class Sockets:
    """Watches the sockets of a multi handle.

    libcurl tells which sockets and which instant it waits for, so that a turn costs the same whatever is in flight;
    with `perform()` it goes through all transfers, and 3,000 waiting ones cost 0.7 ms a turn.
    """

    def __init__(self, multi: Any, clock: Callable[[], float]) -> None:  # noqa: ANN401 - pycurl publishes no types
        self._multi, self._clock = multi, clock
        self._reading: set[int] = set()
        self._writing: set[int] = set()
        self._timer_s = inf
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def work(self) -> None:
        """Let libcurl do what needs no waiting: begin added transfers, end those whose time is over."""
        if self._clock() >= self._timer_s:
            self._timer_s = inf
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def wait(self, wait_s: float) -> None:
        """Sleep until a socket is ready, libcurl's timer is due or `wait_s` has passed; serve the sockets."""
        until_timer_s = max(0.0, self._timer_s - self._clock())
        # select() and no other: it alone sleeps to the microsecond.
        readable, writable, _ = select.select(
            self._reading, self._writing, (), None if (wait_s := min(wait_s, until_timer_s)) == inf else wait_s
        )
        for socket in readable:
            self._multi.socket_action(socket, pycurl.CSELECT_IN)
        for socket in writable:
            self._multi.socket_action(socket, pycurl.CSELECT_OUT)

    def _watch(self, what: int, socket: int, _multi: object, _data: object) -> None:
        for sockets, flag in ((self._reading, pycurl.POLL_IN), (self._writing, pycurl.POLL_OUT)):
            if what != pycurl.POLL_REMOVE and what & flag:
                sockets.add(socket)
            else:
                sockets.discard(socket)

    def _set_timer(self, timer_ms: int) -> None:
        self._timer_s = inf if timer_ms < 0 else self._clock() + timer_ms / 1e3
