"""An observer for a server whose CPU time and memory are unknown."""

from __future__ import annotations

import math

from perfgate.observe.proc_files import UNKNOWN_MEMORY
from perfgate.trials import Memory, Usage


class NoAccounts:
    """Reports everything as missing."""

    def cpu_ms(self) -> float:
        """Unknown."""
        return math.nan

    def memory(self) -> Memory:
        """Unknown."""
        return UNKNOWN_MEMORY

    def usage(self) -> Usage:
        """Unknown."""
        return Usage()

    @property
    def missing(self) -> tuple[str, ...]:
        """Everything."""
        return ("CPU time", "memory")
