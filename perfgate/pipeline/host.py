"""The process that perfgate runs in: its environment, clock, CPUs and streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TextIO

from rich.console import Console

from perfgate.pipeline.job import Interrupts
from perfgate.results.progress import Progress
from perfgate.serving.fork_ahead import Ahead


@dataclass(frozen=True, slots=True)
class Host:
    """Everything that a command takes from its process; tests substitute their own."""

    environ: Mapping[str, str]
    arguments: tuple[str, ...]
    """Command-line arguments, without the program's name."""
    now: Callable[[], datetime]
    """In UTC."""
    clock: Callable[[], float]
    """Seconds, monotonic."""
    random_bits: Callable[[int], int]
    cpus: Callable[[], Collection[int]]
    """CPUs that the process may use."""
    use_cpus: Callable[[Collection[int]], None]
    interrupts: Interrupts
    progress: Callable[[], Progress]
    console: Console
    """On stderr."""
    stdout: TextIO
    stderr: TextIO
    ahead: Ahead = field(default_factory=Ahead)
    """The fork server started ahead for the first run, if any."""
