"""Free ports for servers that other programs start."""

from __future__ import annotations

import socket
from collections.abc import Collection

import psutil

from perfgate.formatting import duration
from perfgate.protocols.address import host_and_port


def free_ports(host: str, count: int) -> tuple[int, ...]:
    """Choose distinct free TCP ports; another process may take one before the server does."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((host, 0))
        return tuple(each.getsockname()[1] for each in sockets)
    finally:
        for each in sockets:
            each.close()


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there now; connections that are closing do not count."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True


def is_anothers(port: int, pids: Collection[int]) -> bool:
    """Return whether a process other than `pids` listens on the port, and none of `pids` does.

    False if the system does not report who listens.
    """
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return False
    owners = {each.pid for each in connections if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,)}
    return bool(owners - {None}) and owners.isdisjoint(pids)


def answers(address: str, timeout_s: float = 2.0) -> str:
    """Try to connect to `host:port`; return the obstacle, empty if something listens."""
    try:
        socket.create_connection(host_and_port(address), timeout_s).close()
    except TimeoutError:
        return f"no answer within {duration(timeout_s)}"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""
