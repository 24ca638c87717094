"""What a driver needs to know about a server, and the engine for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from perfgate.errors import UsageError
from perfgate.loadgen.engine import Engine, GrpcDriver, RestDriver
from perfgate.protocols.tls import Tls


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One server and its protocol settings; plain data, passed to worker processes as it is."""

    address: str = ""
    """`host:port` of gRPC; needed for that protocol."""
    rest_address: str = ""
    """`host:port` of REST; needed for that protocol."""
    protocol: Literal["grpc", "rest"] = "grpc"
    model_name: str = "default"
    """Model path of REST, percent-encoded, with version or label; gRPC messages contain these themselves."""
    tls: Tls | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    deadline_s: float = 5.0
    connections: int = 1
    """Connections of each process; over REST, those that are opened in advance."""


def engine_for(endpoint: ServerAddress) -> Engine:
    """Make the engine; UsageError for a malformed address."""
    if endpoint.protocol == "rest":
        if not endpoint.rest_address:
            raise UsageError("the server has no REST address", 'use protocol = "grpc"')
        return RestDriver(
            endpoint.rest_address,
            endpoint.model_name,
            deadline_s=endpoint.deadline_s,
            connections=endpoint.connections,
            tls=endpoint.tls,
            metadata=endpoint.metadata,
        )
    if not endpoint.address:
        raise UsageError("the server has no gRPC address", 'use protocol = "rest"')
    return GrpcDriver(
        endpoint.address,
        endpoint.deadline_s,
        connections=endpoint.connections,
        tls=endpoint.tls,
        metadata=endpoint.metadata,
    )
