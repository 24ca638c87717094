"""Common properties of every server other than perfgate's own."""

from __future__ import annotations

from perfgate.serving.interface import Execution


class ForeignReplica:
    """A server that only answers requests: depth `request` only."""

    def waited_ms(self) -> float:
        """Unknown, so none."""
        return 0.0

    @property
    def substituted(self) -> str:
        """Nothing is substituted."""
        return ""

    @property
    def executes(self) -> bool:
        """Depth `execute` is not available."""
        return False

    @property
    def replayed(self) -> int:
        """Unknown, and so none."""
        return 0

    def execute(self, request: int) -> Execution:
        """Never called."""
        raise ValueError(f"request {request}: this server does not support depth `execute`")
