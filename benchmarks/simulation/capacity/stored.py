"""Numbers that take long to simulate, kept on disk between runs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perfgate.capacity.reference_queue import Arrivals, ReferenceQueue

DIRECTORY = Path(os.environ.get("PERFGATE_SIMULATION_CACHE", Path(tempfile.gettempdir()) / "perfgate-capacity"))


def stored(name: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what is stored under a name, or compute and store it."""
    path = DIRECTORY / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text())
    found = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(found))
    partial.replace(path)
    return found


class StoredQueue(ReferenceQueue):
    """A reference queue whose table is kept on disk."""

    def __init__(  # noqa: PLR0913, PLR0917 - those of the queue, and a name
        self, name: str, bound_s: float, lead_in_s: float, arrivals: Arrivals, seed: int, requests: int
    ) -> None:
        """`name` tells tables apart."""
        super().__init__(bound_s, lead_in_s, arrivals, seed, requests)
        self._name = name

    def simulate(self, row: int, column: int) -> tuple[float, float]:
        """Simulate a point, or read it."""
        share, error = stored(f"{self._name}/{row}_{column}", lambda: ReferenceQueue.simulate(self, row, column))
        return share, error
