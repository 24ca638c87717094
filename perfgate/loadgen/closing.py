"""Context manager shared by all drivers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Closed at the end of a `with` block."""

    idle_s: float = 0.0
    """Time that `drive` has spent so far before and after the load itself; only workers need any."""

    @abstractmethod
    def close(self) -> None:
        """Close; idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
