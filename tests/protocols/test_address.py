from __future__ import annotations

import pytest

from perfgate.errors import UsageError
from perfgate.protocols.address import host_and_port


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("127.0.0.1:8500", "127.0.0.1", 8500), ("[::1]:1", "::1", 1), ("a-b.example:65535", "a-b.example", 65535)],
)
def test_an_address_is_a_host_and_a_port(address: str, host: str, port: int) -> None:
    assert host_and_port(address) == (host, port)


@pytest.mark.parametrize(
    "address",
    ["", "host", "host:", ":1", "host:0", "host:65536", "::1:1", "a b:1", "http://host:1", "u@host:1", "a,b:1"],
)
def test_anything_else_is_a_usage_error(address: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        host_and_port(address)
