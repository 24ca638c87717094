"""What an experiment touches outside of perfgate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from perfgate.loadgen.interface import Driver
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.observe.interface import MachineObserver, ProcessObserver, Sampler
from perfgate.serving.interface import Launcher, Replica
from perfgate.trials import Subject


@dataclass(frozen=True, slots=True)
class World:
    """Servers, drivers, observers and the clock; tests substitute fakes."""

    launcher: Callable[[int], Launcher]
    """By the number of a fork server; other targets have a single launcher."""
    driver: Callable[[Replica, float], Driver]
    """From the server and a deadline in seconds."""
    observer: Callable[[Subject], ProcessObserver]
    clock: Callable[[], float]
    machine: MachineObserver
    sampler: Callable[[Sequence[Subject]], Sampler]
    threads: Callable[[Subject], Mapping[str, float]]
    """CPU time of a server's threads by name, ms."""
    at_once: int = 1
    """Servers that can be started at once, each on a CPU of its own."""
    available_mib: Callable[[], float] = lambda: inf
    """Memory available for further servers."""
    host: str = "127.0.0.1"
    """Address at which the servers listen, where the load reaches them."""
    load_workers: Callable[[], tuple[LoadWorker, ...]] = tuple
    """What is known so far of load workers on other nodes."""
