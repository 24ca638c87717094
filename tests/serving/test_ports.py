from __future__ import annotations

import os
import socket

from perfgate.serving import ports


def test_free_ports_differ_and_can_be_had() -> None:
    found = ports.free_ports("127.0.0.1", 5)
    assert len(set(found)) == 5
    assert all(ports.is_free("127.0.0.1", port) for port in found)


def test_a_port_with_a_listener_is_taken_answers_and_is_its_owners() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        assert ports.answers(f"127.0.0.1:{port}") == ""
        assert ports.is_anothers(port, [1 << 22])
        assert not ports.is_anothers(port, [os.getpid()])
    assert ports.answers(f"127.0.0.1:{port}") == "connection refused"
    assert not ports.is_anothers(port, [])


def test_addresses_that_lead_nowhere_say_so() -> None:
    assert ports.answers("no-such-host.invalid:80") != ""
    assert ports.answers("[::1]:9") != ""
