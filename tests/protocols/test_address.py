from __future__ import annotations

import pytest

from perfgate.errors import UsageError
from perfgate.protocols.address import host_and_port, is_loopback


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


@pytest.mark.parametrize(
    ("host", "found"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("localhost", True), ("::1", True), ("10.0.0.1", False)],
)
def test_which_hosts_mean_the_machine_itself(host: str, found: bool) -> None:
    assert is_loopback(host) is found
