"""Target `endpoint`: servers that are already running, and keep running when the run ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from math import nan
from pathlib import Path

import psutil

from perfgate.errors import InvalidRunError, UsageError
from perfgate.scenario.schema import Target
from perfgate.serving import ports
from perfgate.serving.endpoint_url import EndpointUrl
from perfgate.serving.external import ForeignReplica
from perfgate.serving.fields import fields_in, fill
from perfgate.serving.interface import ReplicaSpec
from perfgate.serving.probe import Peer
from perfgate.serving.readiness import ReadinessState, readiness
from perfgate.trials import Subject

_TIMEOUT_S = 10.0
_LOOKS, _LOOK_EVERY_S = 3, 0.02
_FIELDS = ("host", "port", "rest_port", "name", "version")


class EndpointReplica(ForeignReplica):
    """One address."""

    def __init__(self, label: str, peer: Peer, subject: Subject) -> None:
        self._label, self._peer, self._subject = label, peer, subject

    @property
    def peer(self) -> Peer:
        """How to query it: address, protocol and options."""
        return self._peer

    @property
    def pid(self) -> int | None:
        """The process named by the user, if any."""
        return self._subject.pid

    @property
    def subject(self) -> Subject:
        """What the user named; otherwise CPU time and memory are missing."""
        return self._subject

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service."""
        return self._peer.address if self._peer.protocol == "grpc" else ""

    @property
    def rest_address(self) -> str:
        """`host:port` of the REST service."""
        return self._peer.address if self._peer.protocol == "rest" else ""

    @property
    def load_time_s(self) -> float:
        """Unknown: the server was already running."""
        return nan

    def ensure_alive(self) -> None:
        """Raise InvalidRunError if the named process is gone, or nothing answers at the address."""
        pid = self._subject.pid
        for _ in range(_LOOKS if pid is not None else 0):  # a killed process exists for another moment
            if not _runs(pid):
                raise InvalidRunError(f"{self._label} (process {pid}) died: it ended", "see the server's log")
            time.sleep(_LOOK_EVERY_S)
        if why := ports.answers(self._peer.address):
            raise InvalidRunError(
                f"{self._label} at {self._peer.address} is no longer reachable: {why}", "see the server's log"
            )


class EndpointLauncher:
    """Provides the addresses of each arm's URL as its replicas, in turn; starts and stops nothing."""

    def __init__(self, target: Target, subjects: Mapping[EndpointUrl, Sequence[Subject]]) -> None:
        """Take each arm's URL, and where the CPU time and memory of its servers are read (`subjects_of`)."""
        self._servers = {
            url.path: list(zip(url.peers(target), theirs, strict=True)) for url, theirs in subjects.items()
        }
        self._given: Counter[tuple[str, Path]] = Counter()

    def start(self, spec: ReplicaSpec) -> EndpointReplica:
        """Return the next address once it serves the model; InvalidRunError if it does not."""
        arm = spec.label, spec.model_path  # both arms may name the same servers
        servers, number = self._servers[spec.model_path], self._given[arm]
        if number == len(servers):
            raise InvalidRunError(
                f"{spec.label}: there are more replicas than addresses", "use one address per replica"
            )
        self._given[arm] += 1
        peer, subject = servers[number]
        replica = EndpointReplica(spec.label, peer, subject)
        replica.ensure_alive()
        said = readiness(peer, _TIMEOUT_S)
        if said.state is not ReadinessState.READY:
            words = " ".join(said.words.split())
            raise InvalidRunError(
                f"{spec.label} at {peer.address} does not serve {peer.model_name}: {words}",
                "check that the server is running",
            )
        return replica

    def stop(self) -> None:
        """Stop nothing: the servers are not perfgate's."""


def subjects_of(url: EndpointUrl, target: Target, pids: Sequence[int] = ()) -> tuple[Subject, ...]:
    """Return the source of each server's CPU time and memory: a process, a control group, or a page; else unknown.

    UsageError if the number of processes is not that of the servers, or one is not running.
    """
    if pids and len(pids) != len(url.addresses):
        problem = f"{url.given} has {len(url.addresses)} servers, but {len(pids)} --pid options are given"
        raise UsageError(problem, "use one --pid per address, in the same order, or none")
    for pid in pids:
        if not _runs(pid):
            raise UsageError(f"process {pid} does not exist", "--pid must be a process on this machine")
    subjects = []
    for address, pid in zip_longest(url.addresses, pids):
        cgroup = _filled(url, target, "cgroup", address)
        page = _filled(url, target, "prometheus_url", address)
        subjects.append(Subject(pid, pid is not None, Path(cgroup) if cgroup else None, page))
    return tuple(subjects)


def _filled(url: EndpointUrl, target: Target, key: str, address: str) -> str:
    text, place = getattr(target, key) or "", f"target.{key}"
    host, _, port = address.rpartition(":")
    version = "" if url.version is None else str(url.version)
    values = dict(zip(_FIELDS, (host, port, port, url.model_name, version), strict=True))
    if unknown := fields_in(text, place) - values.keys():
        known = ", ".join(f"{{{name}}}" for name in _FIELDS)
        raise UsageError(f"{place}: {{{min(unknown)}}} is not available for a running server", f"available: {known}")
    return fill(text, values, place)


def _runs(pid: int | None) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
