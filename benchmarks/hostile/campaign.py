"""All cases against one server, with valid requests in between, and the outcome."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import grpc

from benchmarks.hostile import connections, rest
from benchmarks.hostile.messages import Case, case
from perfgate.observe.choose import observer_of
from perfgate.trials import Memory, Subject

_DEADLINE_S = 120.0
_CHECK_EVERY = 200
_UNKNOWN, _DEADLINE_EXCEEDED, _UNAVAILABLE = 2, 4, 14
_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
_FAULTS = {
    _UNKNOWN: "an unexpected error in the server",
    _DEADLINE_EXCEEDED: f"no answer in {_DEADLINE_S:.0f} s",
    _UNAVAILABLE: "the connection broke",
}


@dataclass(slots=True)
class Findings:
    """How often each kind of case got which response, and the faults among them."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    """Memory of the server: before, and at each check."""

    def note(self, number: int, kind: str, answer: str, fault: str = "") -> None:
        """Count a response; a fault names its case."""
        self.answers[kind, answer] += 1
        if fault:
            self.faults.append(f"case {number} ({kind}): {answer}, {fault}")


class ServerGoneError(Exception):
    """A valid request is no longer answered OK."""


def send(channel: grpc.Channel, what: Case, deadline_s: float = _DEADLINE_S) -> tuple[int, str]:
    """Send a case over gRPC; returns the server's status and message."""
    call = channel.unary_unary(what.path, request_serializer=None, response_deserializer=None)
    try:
        call(what.body, timeout=deadline_s)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code.value[0], str(error.details())
    return 0, ""


def send_alone(address: str, what: Case) -> tuple[int, str]:
    """Send a case through a connection of its own."""
    with grpc.insecure_channel(address, _OPTIONS) as channel:
        return send(channel, what)


class Campaign:
    """The attacks on one server."""

    def __init__(self, server: Subject, address: str, valid: bytes, seed: int) -> None:
        self.findings = Findings()
        self._address, self._valid, self._seed = address, valid, seed
        self._server = observer_of(server)
        self._right = Case("right", "/tensorflow.serving.PredictionService/Predict", valid)
        self.check("nothing", 0)

    def check(self, what: str, number: int) -> None:
        """Send a valid request; ServerGoneError, naming the last case, if it is not answered OK."""
        if (answer := send_alone(self._address, self._right)) != (0, ""):
            raise ServerGoneError(f"after {what} {number} of seed {self._seed} a right request gets {answer}")
        self.findings.memory.append(self._server.memory())

    def messages(self, cases: int) -> None:
        """Send hostile messages over gRPC, through one connection."""
        with grpc.insecure_channel(self._address, _OPTIONS) as channel:
            for number in self._checked("message", cases):
                made = case(self._valid, self._seed, number)
                status, words = send(channel, made)
                fault = f"{_FAULTS[status]}: {words}" if status in _FAULTS else ""
                self.findings.note(number, made.kind, f"status {status}", fault)
                if status == _UNAVAILABLE:
                    self.check("message", number)

    def connections(self, cases: int) -> None:
        """Violate HTTP/2 in one connection after the other."""
        for number in self._checked("connection", cases):
            self._note(number, *connections.attack(self._address, self._valid, self._seed, number))

    def rest(self, address: str, path: str, valid: bytes, cases: int) -> None:
        """Send hostile HTTP/1.1 requests, one connection each; `valid` is JSON that `path` accepts."""
        for number in self._checked("REST request", cases):
            self._note(number, *rest.attack(address, path, valid, self._seed, number))

    def _note(self, number: int, kind: str, outcome: str) -> None:
        self.findings.note(number, kind, outcome, "a fault" if outcome in {"no answer", "HTTP 500", "status 2"} else "")

    def _checked(self, what: str, cases: int) -> Iterator[int]:
        for number in range(cases):
            yield number
            if number % _CHECK_EVERY == _CHECK_EVERY - 1 or number == cases - 1:
                self.check(what, number)


@contextmanager
def limited(pid: int, more_mb: int) -> Iterator[None]:
    """Limit a process's further address space, to protect the machine."""
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.prlimit(pid, resource.RLIMIT_AS, (now + (more_mb << 20), resource.RLIM_INFINITY))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, before)
