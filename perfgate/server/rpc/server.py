"""A gRPC server of unary methods whose threads take turns waiting and working.

Every thread waits for the next event of any connection, and the one that reads a request also runs its method and sends
the response: with at most one request in flight nothing passes from one thread to another. That is most of its
advantage over `grpc.server` (docs/explanation/serving.md, "Overhead").
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Mapping

from perfgate.server.rpc.call import ServerCall
from perfgate.server.rpc.connection import Connection
from perfgate.server.rpc.interface import Answer, Method, Status
from perfgate.server.rpc.limits import Limits, max_connections
from perfgate.serving.run_delay import RunDelay

_READ_BYTES = 64 << 10


class RpcServer:
    """Serves methods by their paths, with limited concurrency; further requests wait."""

    def __init__(self, listener: socket.socket, methods: Mapping[bytes, Method], at_once: int) -> None:
        listener.setblocking(False)  # noqa: FBT003 - the standard library's way
        self._listener, self._methods, self._at_once = listener, methods, at_once
        self._limits, self._max_connections = Limits(), max_connections()
        self._connections: dict[int, Connection] = {}
        self._lock = threading.Lock()  # guards the numbers and the queue below
        self._waiting: deque[tuple[Connection, ServerCall]] = deque()
        self._threads = self._idle = self._working = 0
        self._stopping = False
        self._delay, self._own = RunDelay(), threading.local()
        self._waited_ns = 0  # of the thread that answered last
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE | os.EFD_CLOEXEC)
        self._poll = select.epoll()
        self._poll.register(self._wake, select.EPOLLIN)
        self._poll.register(listener, select.EPOLLIN)

    @property
    def port(self) -> int:
        """The port."""
        return int(self._listener.getsockname()[1])

    @property
    def limits(self) -> Limits:
        """What its clients hold."""
        return self._limits

    def take_waited_ns(self) -> int:
        """Return how long the last answer waited for a CPU, since there was something to read; once."""
        waited_ns, self._waited_ns = self._waited_ns, 0
        return waited_ns

    def start(self) -> None:
        """Begin serving: one thread works, one waits; more are added as needed."""
        with self._lock:
            self._hire()
            self._hire()

    def stop(self) -> None:
        """Stop serving, without waiting for requests in progress."""
        self._stopping = True
        for _ in range(self._threads):
            os.eventfd_write(self._wake, 1)
        self._listener.close()
        for connection in tuple(self._connections.values()):
            connection.close()

    def _hire(self) -> None:
        self._threads += 1
        threading.Thread(target=self._run, name=f"rpc-{self._threads}", daemon=True).start()

    def _run(self) -> None:
        buffer = bytearray(_READ_BYTES)
        self._own.woken_ns, self._own.begun = 0, self._delay.begin()
        while not self._stopping:
            self._work()
            with self._lock:
                self._idle += 1
            asleep_ns = self._delay.ns()
            happened = self._poll.poll(-1, 1)
            self._own.begun = self._delay.begin()
            self._own.woken_ns = self._own.begun.delay_ns - asleep_ns
            with self._lock:
                self._idle -= 1
            for fd, _ in happened:
                self._attend(fd, buffer)

    def _attend(self, fd: int, buffer: bytearray) -> None:
        if (connection := self._connections.get(fd)) is not None:
            calls = connection.read(buffer)
            if not connection.watch(self._poll):
                self._forget(fd, connection)
            if calls:
                self._enqueue([(connection, call) for call in calls])
        elif fd == self._wake:
            try:
                os.eventfd_read(self._wake)
            except BlockingIOError:
                return  # another thread was woken as well and was first
        else:
            self._accept()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # another thread was faster, the client is gone, or there are no descriptors left
            return
        if len(self._connections) >= self._max_connections:
            for fd, connection in tuple(self._connections.items()):
                if connection.fileno() < 0:  # it broke while a response was being sent
                    self._forget(fd, connection)
        if len(self._connections) >= self._max_connections:
            sock.close()
            return
        connection = Connection(sock, self._methods, self._limits)
        self._connections[sock.fileno()] = connection
        self._poll.register(sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLONESHOT)

    def _forget(self, fd: int, connection: Connection) -> None:
        with self._lock:
            if self._connections.get(fd) is connection:  # otherwise a new one already has the number
                del self._connections[fd]

    def _enqueue(self, calls: list[tuple[Connection, ServerCall]]) -> None:
        """Queue requests, the first of which this thread takes, and ensure that there are threads for the others."""
        with self._lock:
            self._waiting.extend(calls)
            helpers = min(len(self._waiting), self._at_once - self._working) - 1
            wake = min(max(helpers, 0), self._idle)
            needed = helpers - wake + (1 if self._idle == wake else 0)  # one must remain to wait for events
            for _ in range(min(needed, self._at_once + 1 - self._threads)):
                self._hire()
        if wake:
            os.eventfd_write(self._wake, wake)

    def _work(self) -> None:
        """Run requests while there are any, unless too many threads do."""
        while True:
            with self._lock:
                if not self._waiting or self._working >= self._at_once:
                    return
                self._working += 1
                connection, call = self._waiting.popleft()
            try:
                if not call.gone:
                    outcome = _outcome(call)
                    self._waited_ns = self._own.woken_ns + self._delay.since(self._own.begun)
                    connection.answer(call, outcome, self._poll)
            finally:
                with self._lock:
                    self._working -= 1


def _outcome(call: ServerCall) -> Answer:
    try:
        return call.run()
    except MemoryError:
        return Answer(status=Status.RESOURCE_EXHAUSTED, words="Out of memory")
    except Exception as error:  # noqa: BLE001 - a bug in a method must not end the server
        traceback.print_exc(file=sys.stderr)
        return Answer(status=Status.INTERNAL, words=f"{type(error).__name__}: {error}")
