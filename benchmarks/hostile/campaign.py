"""All cases against one server, with a right request in between, and what became of it."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import grpc

from benchmarks.hostile.connections import attack
from benchmarks.hostile.messages import Case, case
from perfgate.observe.choose import observer_of
from perfgate.trials import Memory, Subject

_DEADLINE_S = 30.0
_CHECK_EVERY = 200
_UNKNOWN, _DEADLINE_EXCEEDED, _UNAVAILABLE = 2, 4, 14
_FAULTS = {
    _UNKNOWN: "an error that the server did not foresee",
    _DEADLINE_EXCEEDED: f"no answer in {_DEADLINE_S:.0f} s",
    _UNAVAILABLE: "the connection broke",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what."""

    seed: int = 1
    cases: int = 10_000
    """Messages over gRPC."""
    connections: int = 1_000
    """That break the protocol below."""


@dataclass(slots=True)
class Findings:
    """How often each kind of case got which answer, and what is wrong about it."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    """Of the server: before, after every 200 cases, at the end."""

    def note(self, number: int, kind: str, answer: str, fault: str = "") -> None:
        """Count an answer; a fault names the case that shows it."""
        self.answers[kind, answer] += 1
        if fault:
            self.faults.append(f"case {number} ({kind}): {answer}, {fault}")


class ServerGoneError(Exception):
    """A right request is not answered OK any more."""


def send(channel: grpc.Channel, what: Case, deadline_s: float = _DEADLINE_S) -> tuple[int, str]:
    """Send a case as gRPC; its status and the server's words."""
    call = channel.unary_unary(what.path, request_serializer=None, response_deserializer=None)
    try:
        call(what.body, timeout=deadline_s)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code.value[0], str(error.details())
    return 0, ""


def send_alone(address: str, what: Case) -> tuple[int, str]:
    """Send a case through a connection of its own."""
    with grpc.insecure_channel(address) as channel:
        return send(channel, what)


def run(address: str, pid: int, valid: bytes, plan: Plan) -> Findings:
    """Send all cases over gRPC, then all broken connections; ServerGoneError names the last one sent."""
    findings, server = Findings(), observer_of(Subject(pid))
    right = Case("right", "/tensorflow.serving.PredictionService/Predict", valid)

    def check(channel: grpc.Channel, what: str) -> None:
        if (answer := send(channel, right)) != (0, ""):
            raise ServerGoneError(f"after {what} of seed {plan.seed} a right request gets {answer}")
        findings.memory.append(server.memory())

    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options) as channel:
        check(channel, "nothing")
        for number in range(plan.cases):
            made = case(valid, plan.seed, number)
            status, words = send(channel, made)
            fault = f"{_FAULTS[status]}: {words}" if status in _FAULTS else ""
            findings.note(number, made.kind, f"status {status}", fault)
            if status == _UNAVAILABLE or number % _CHECK_EVERY == _CHECK_EVERY - 1:
                check(channel, f"case {number}")
        for number in range(plan.connections):
            kind, outcome = attack(address, valid, plan.seed, number)
            fault = "a complete request is left without" if outcome == "no answer" else ""
            findings.note(number, kind, outcome, fault)
            if number % _CHECK_EVERY == _CHECK_EVERY - 1:
                check(channel, f"connection {number}")
        check(channel, "all")
    return findings


@contextmanager
def limited(pid: int, more_mb: int) -> Iterator[None]:
    """Let a process have so much more address space, so that the machine outlives it."""
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.prlimit(pid, resource.RLIMIT_AS, (now + (more_mb << 20), resource.RLIM_INFINITY))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, before)
