"""A MODEL that is a URL: the address of a running server and its name for the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from perfgate.errors import UsageError
from perfgate.protocols.address import host_and_port
from perfgate.protocols.tls import Tls
from perfgate.scenario.schema import Target
from perfgate.serving.probe import Peer

_SCHEMES: dict[str, tuple[Literal["grpc", "rest"], bool]] = {
    "grpc": ("grpc", False),
    "grpcs": ("grpc", True),
    "http": ("rest", False),
    "https": ("rest", True),
}
_HINTS = {
    "grpc": "write grpc://HOST:PORT/NAME, followed by /versions/N or /labels/L to select a version",
    "rest": "write http://HOST:PORT/v1/models/NAME, followed by /versions/N or /labels/L to select a version",
}
_PATH = re.compile(r"(?P<name>[^/]+)(?:/versions/(?P<version>\d{1,18})|/labels/(?P<label>[^/]+))?/?")


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """One model on one or several servers."""

    given: str
    protocol: Literal["grpc", "rest"]
    tls: bool
    addresses: tuple[str, ...]
    """`host:port` of each server: the replicas of the arm."""
    model_name: str
    version: int | None = None
    label: str = ""

    @property
    def path(self) -> Path:
        """Stand-in for the directory that a model on disk has; there is no such file."""
        return Path(self.given)

    def peers(self, target: Target) -> tuple[Peer, ...]:
        """Return a peer for each server, with the scenario's certificates and metadata."""
        tls = Tls(target.tls_ca_file, target.tls_server_name) if self.tls else None
        metadata = tuple(sorted(target.metadata.items()))
        return tuple(
            Peer(self.protocol, address, self.model_name, self.version, self.label, tls, metadata)
            for address in self.addresses
        )


def is_endpoint(given: str) -> bool:
    """Return whether a MODEL is the URL of a running server."""
    return given.partition("://")[0] in _SCHEMES and "://" in given


def parse_endpoint(given: str) -> EndpointUrl:
    """Parse `grpc[s]://HOST:PORT[,…]/NAME…` or `http[s]://HOST:PORT[,…]/v1/models/NAME…`; else UsageError."""
    scheme, _, rest = given.partition("://")
    protocol, tls = _SCHEMES[scheme]
    hosts, _, path = rest.partition("/")
    addresses = tuple(hosts.split(","))
    for address in addresses:
        try:
            host_and_port(address)
        except UsageError as error:
            raise UsageError(f"{given}: {address or 'an empty address'} is not HOST:PORT", _HINTS[protocol]) from error
    if len(set(addresses)) < len(addresses):
        raise UsageError(f"{given} lists a server twice", "each address must be a different server")
    return EndpointUrl(given, protocol, tls, addresses, *_model(given, path, protocol))


def _model(given: str, path: str, protocol: Literal["grpc", "rest"]) -> tuple[str, int | None, str]:
    named = path.removeprefix("v1/models/") if protocol == "rest" else path
    if protocol == "rest" and not path.startswith("v1/models/"):
        raise UsageError(f"{given} does not have the path of a model", _HINTS[protocol])
    found = _PATH.fullmatch(named)
    if not found or re.search(r"[?#:\s]", named):
        raise UsageError(f"{given} has no model name", _HINTS[protocol])
    version = None if found["version"] is None else int(found["version"])
    return unquote(found["name"]), version, unquote(found["label"] or "")
