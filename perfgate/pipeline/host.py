"""The process that perfgate runs in, and those who read what it says."""

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
    """All that a command takes from its process; tests give others."""

    environ: Mapping[str, str]
    arguments: tuple[str, ...]
    """Of the command line, without the program's name."""
    now: Callable[[], datetime]
    """In UTC."""
    clock: Callable[[], float]
    """Seconds, monotonic."""
    random_bits: Callable[[int], int]
    cpus: Callable[[], Collection[int]]
    """Those that the process may use."""
    use_cpus: Callable[[Collection[int]], None]
    interrupts: Interrupts
    progress: Callable[[], Progress]
    console: Console
    """On stderr."""
    stdout: TextIO
    stderr: TextIO
    ahead: Ahead = field(default_factory=Ahead)
    """Where the first run's fork server may be found."""
