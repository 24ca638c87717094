"""What holds for every server that is not perfgate's own."""

from __future__ import annotations

from perfgate.serving.interface import Execution


class ForeignReplica:
    """A server that does what requests ask, and nothing else: depth `request` only."""

    def waited_ms(self) -> float:
        """Nobody tells."""
        return 0.0

    @property
    def substituted(self) -> str:
        """Nothing stands in for another server."""
        return ""

    @property
    def executes(self) -> bool:
        """There is no depth `execute`."""
        return False

    @property
    def replayed(self) -> int:
        """Unknown, and so none."""
        return 0

    def execute(self, request: int) -> Execution:
        """Never to be asked."""
        raise ValueError(f"request {request}: this server does not support depth `execute`")
