"""Addresses of servers, `host:port`."""

from __future__ import annotations

import re

from perfgate.errors import UsageError

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]@?#,]+):(\d{1,5})")
_PORTS = range(1, 1 << 16)


def host_and_port(address: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host stands in brackets, and is returned without them. UsageError if malformed."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found[2]) not in _PORTS:
        raise UsageError(f"{address!r} is not an address", "write HOST:PORT, for example 127.0.0.1:8500")
    return found[1].strip("[]"), int(found[2])


def is_loopback(host: str) -> bool:
    """Return whether a host means the machine itself, wherever it is used."""
    return host in {"localhost", "::1"} or host.startswith("127.")
