"""What a driver has to know of a server, and the engine that this takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from perfgate.errors import UsageError
from perfgate.loadgen.engine import Engine, GrpcDriver, RestDriver
from perfgate.protocols.tls import Tls


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One server and how to talk to it; plain data, which worker processes get as it is."""

    address: str = ""
    """`host:port` of gRPC; needed for that protocol."""
    rest_address: str = ""
    """`host:port` of REST; needed for that protocol."""
    protocol: Literal["grpc", "rest"] = "grpc"
    model_name: str = "default"
    """As REST says it in the path, percent-encoded, with version or label; a gRPC message holds all that already."""
    tls: Tls | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Goes with every request."""
    deadline_s: float = 5.0
    connections: int = 1
    """Of each process; over REST those that are opened beforehand."""


def engine_for(endpoint: ServerAddress) -> Engine:
    """Make the engine; UsageError for an address that is none."""
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
