"""A gRPC method as the server sees it: a serialised message in, an answer out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from perfgate.protocols import grpc
from perfgate.server.stages import StageTimes


class Status(IntEnum):
    """The gRPC status codes that the server itself returns."""

    OK = grpc.OK
    DEADLINE_EXCEEDED = grpc.DEADLINE_EXCEEDED
    RESOURCE_EXHAUSTED = grpc.RESOURCE_EXHAUSTED
    UNIMPLEMENTED = grpc.UNIMPLEMENTED
    INTERNAL = grpc.INTERNAL


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a method."""

    body: bytes = b""
    """The serialised message; not sent unless the status is OK."""
    status: int = Status.OK
    words: str = ""
    """Error message."""
    times: StageTimes | None = None
    """Sent as `server-timing` in trailing metadata."""
    stays_open: bool = False
    """Whether this is the first message of a stream that stays open until the client leaves."""


Method: TypeAlias = Callable[[bytes], Answer]
