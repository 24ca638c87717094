"""Short requests to an external server, gRPC or REST, before and between measurements; never timed."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote

from perfgate.protocols.address import host_and_port
from perfgate.protocols.grpc import OK, UNAVAILABLE
from perfgate.protocols.tls import Tls

if TYPE_CHECKING:
    import grpc


@dataclass(frozen=True, slots=True)
class Peer:
    """A model at an address."""

    protocol: Literal["grpc", "rest"]
    address: str
    """`host:port`."""
    model_name: str = "default"
    version: int | None = None
    """None: chosen by the server, or by label."""
    label: str = ""
    tls: Tls | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """Sent with every request: gRPC metadata or HTTP headers."""

    @property
    def path(self) -> str:
        """The model's path over REST."""
        which = f"/versions/{self.version}" if self.version is not None else ""
        which = which or (f"/labels/{quote(self.label, safe='')}" if self.label else "")
        return f"/v1/models/{quote(self.model_name, safe='')}{which}"


class ProbeReply(NamedTuple):
    """A response."""

    status: int
    """gRPC or HTTP status."""
    message: str
    """The server's message if it refused."""
    body: bytes


class GrpcLine:
    """An open channel for serialised messages."""

    def __init__(self, channel: grpc.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._channel, self._metadata = channel, metadata

    def ask(self, method: str, body: bytes, timeout_s: float) -> ProbeReply:
        """Call a unary method."""
        import grpc  # noqa: PLC0415 - takes 0.2 s, and is rarely needed

        call = self._channel.unary_unary(method, request_serializer=None, response_deserializer=None)
        try:
            return ProbeReply(OK, "", call(body, timeout=timeout_s, metadata=self._metadata))
        except grpc.RpcError as error:
            return ProbeReply(error.code().value[0], error.details() or "", b"")


@contextmanager
def grpc_line(peer: Peer) -> Iterator[GrpcLine]:
    """Open a separate channel, without memory of earlier attempts; UsageError for malformed certificates."""
    import grpc  # noqa: PLC0415 - as above

    options: list[tuple[str, int | str]] = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", -1),
    ]
    if peer.tls is None:
        channel = grpc.insecure_channel(peer.address, options)
    else:
        if peer.tls.server_name:
            options.append(("grpc.ssl_target_name_override", peer.tls.server_name))
        channel = grpc.secure_channel(peer.address, grpc.ssl_channel_credentials(peer.tls.certificates()), options)
    try:
        yield GrpcLine(channel, tuple((name.lower(), value) for name, value in peer.metadata))
    finally:
        channel.close()


def rest_get(peer: Peer, path: str, timeout_s: float) -> ProbeReply:
    """Fetch a page; status UNAVAILABLE (14, not an HTTP status) if no response came."""
    connection = _connection(peer, timeout_s)
    try:
        connection.request("GET", path, headers=dict(peer.metadata))
        answer = connection.getresponse()
        return ProbeReply(answer.status, answer.reason, answer.read())
    except (OSError, http.client.HTTPException) as error:
        return ProbeReply(UNAVAILABLE, (getattr(error, "strerror", None) or str(error) or type(error).__name__), b"")
    finally:
        connection.close()


def _connection(peer: Peer, timeout_s: float) -> http.client.HTTPConnection:
    host, port = host_and_port(peer.address)
    if peer.tls is None:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    return _HttpsAs(peer.tls.server_name or host, host, port, timeout_s, peer.tls.context())


class _HttpsAs(http.client.HTTPSConnection):
    """HTTPS to a server whose certificate has another name than its address."""

    def __init__(self, name: str, host: str, port: int, timeout_s: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout_s, context=context)
        self._name, self._own_context = name, context

    def connect(self) -> None:
        """Connect, with the TLS handshake under that name."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._own_context.wrap_socket(self.sock, server_hostname=self._name)
