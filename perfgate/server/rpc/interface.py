"""What a gRPC method is to the server: a serialised message goes in, an answer comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from perfgate.protocols import grpc
from perfgate.server.stages import StageTimes


class Status(IntEnum):
    """The gRPC status codes that the server itself gives."""

    OK = grpc.OK
    DEADLINE_EXCEEDED = grpc.DEADLINE_EXCEEDED
    RESOURCE_EXHAUSTED = grpc.RESOURCE_EXHAUSTED
    UNIMPLEMENTED = grpc.UNIMPLEMENTED
    INTERNAL = grpc.INTERNAL


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method answers."""

    body: bytes = b""
    """The serialised message; not sent unless the status is OK."""
    status: int = Status.OK
    words: str = ""
    """Of an error."""
    times: StageTimes | None = None
    """Sent as `server-timing` in trailing metadata."""
    stays_open: bool = False
    """A stream whose first message this is and which ends when the client goes."""


Method: TypeAlias = Callable[[bytes], Answer]
