"""The connection to a Ray cluster, whose nodes run what perfgate places there: Ray is imported only when asked for."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from perfgate.errors import UsageError

NAMESPACE = "perfgate"
_ANSWER_WITHIN_S = 5.0
"""Ray itself waits for minutes for an address at which nothing listens."""
_START = "start one with `ray start --head`, and give its address with --address HOST:PORT"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the cluster that is alive."""

    id: str
    """Ray's identifier, 56 hex digits."""
    ip: str
    cpus: int
    """CPUs that Ray may give to actors there, used or not."""

    @property
    def name(self) -> str:
        """The node in messages: `node 10.0.0.7 (3f0c1a9b)`."""
        return f"node {self.ip} ({self.id[:8]})"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that this process is connected to."""

    ray: Any
    """Ray's module."""
    own_ip: str
    """Address of this machine that other nodes reach."""
    own_id: str
    """Identifier of the node that this process runs on."""

    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that are alive, this one included, by their identifiers."""
        alive = [each for each in self.ray.nodes() if each["Alive"]]
        nodes = [
            Node(each["NodeID"], each["NodeManagerAddress"], int(each["Resources"].get("CPU", 0))) for each in alive
        ]
        return tuple(sorted(nodes, key=lambda node: node.id))


@contextmanager
def connected(address: str | None, environ: Mapping[str, str]) -> Iterator[Cluster]:
    """Connect to a cluster, and disconnect at the end, which ends everything that was placed there.

    The address is that of the cluster's head, `HOST:PORT`; None: `RAY_ADDRESS`, or what Ray finds here. This machine
    must be one of the nodes. UsageError if it is not, Ray is not installed, no cluster answers, or versions differ.
    """
    wanted = address or environ.get("RAY_ADDRESS") or "auto"
    _ensure_well_formed(wanted)
    ray = _imported()
    _ensure_answers(_found(wanted), environ)
    with _own_signals():
        try:
            ray.init(
                address=wanted,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                namespace=NAMESPACE,
            )
        except Exception as error:
            raise _refused(wanted, error) from error
    try:
        yield Cluster(ray, ray.util.get_node_ip_address(), ray.get_runtime_context().get_node_id())
    finally:
        with _own_signals():
            ray.shutdown()


def _imported() -> Any:  # noqa: ANN401 - a module that may be missing
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a future default
    try:
        import ray  # noqa: PLC0415 - a second's import, for those who ask for it
    except ImportError as error:
        raise UsageError("Ray is not installed", 'install it with `pip install "perfgate[ray]"`') from error
    _silence()
    return ray


def _silence() -> None:
    """Keep Ray from printing to standard output, where results go: a page of log when an actor or a node dies.

    Neither `log_to_driver` nor a logger's level changes that; who asked the actor learns of its death from the call.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    with suppress(ImportError):
        from ray._private import worker  # noqa: PLC0415 - as above

        worker.print_to_stdstream = lambda *_, **__: None


def _ensure_well_formed(wanted: str) -> None:
    if wanted.startswith("ray://"):
        raise UsageError(
            f"{wanted} is for clients of a Ray cluster, and perfgate must run on one of its nodes",
            "run it there, with the address of the cluster's head, HOST:PORT",
        )
    host, _, port = wanted.rpartition(":")
    if wanted != "auto" and not (host and port.isdecimal()):
        raise UsageError(f"{wanted} is not the address of a Ray cluster", "write HOST:PORT, such as 10.0.0.5:6379")


def _found(wanted: str) -> str | None:
    """Return `host:port` of the cluster's head; None if only Ray knows it."""
    if wanted != "auto":
        return wanted
    try:
        from ray._private import services  # noqa: PLC0415 - nothing public says which cluster `auto` is

        found = services.canonicalize_bootstrap_address_or_die("auto")
    except (ImportError, AttributeError):
        return None
    except ConnectionError as error:
        raise UsageError("no Ray cluster runs on this machine", _START) from error
    return str(found)


def _ensure_answers(place: str | None, environ: Mapping[str, str]) -> None:
    """Raise UsageError unless something that speaks gRPC, as Ray does, answers at the address."""
    if place is None or environ.get("RAY_USE_TLS") == "1":  # its certificates are Ray's own business
        return
    import grpc  # noqa: PLC0415 - slow to import

    with grpc.insecure_channel(place) as channel:
        try:
            grpc.channel_ready_future(channel).result(_ANSWER_WITHIN_S)
        except grpc.FutureTimeoutError as error:
            raise UsageError(f"no Ray cluster answers at {place}", f"check the address, or {_START}") from error


def _refused(wanted: str, error: Exception) -> UsageError:
    """Say in one line why Ray does not connect: its own words are many lines long."""
    words = " ".join(str(error).split())
    if "ersion mismatch" in words:
        _, _, found = words.partition("ismatch: ")
        return UsageError(
            f"the Ray cluster at {wanted} has other versions: {found}", "use the same Ray and Python on all nodes"
        )
    return UsageError(
        f"cannot connect to the Ray cluster at {wanted}: {words[:200]}",
        "run perfgate on a node of the cluster, and check `ray status`",
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore the handlers of signals, which Ray replaces: an interrupted run is published, not dropped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by something other than Python
                signal.signal(number, handler)
