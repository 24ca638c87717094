"""Fork servers that are kept for the next command: importing TensorFlow is most of a short run's time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from perfgate.serving.embedded import EmbeddedForkServer


class _Standing(EmbeddedForkServer):
    """A fork server that ends its replicas but stays itself."""

    idle = True

    def log_to(self, log: Path) -> None:
        """Create the log of a run that takes it; output of the servers goes to a common log."""
        log.touch()

    def stop(self) -> None:
        """Close the replicas' channels, which ends them."""
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        self.idle = True

    def end(self) -> None:
        """End permanently."""
        super().stop()


@contextmanager
def standing(log: Path) -> Iterator[Callable[..., EmbeddedForkServer]]:
    """Yield a function that makes fork servers, or reuses an idle one; all of them end in the end."""
    made: list[_Standing] = []

    def borrowed(_: object, its_log: Path | None, **__: object) -> EmbeddedForkServer:
        found = next((each for each in made if each.idle), None)
        if found is None:
            found = _Standing(os.environ, log, huge_pages=True)
            made.append(found)
        if its_log is not None:
            found.log_to(its_log)
        found.idle = False
        return found

    try:
        yield borrowed
    finally:
        for each in made:
            each.end()
