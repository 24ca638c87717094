"""Fork servers that stay for the next command: importing TensorFlow is most of a short run's time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from perfgate.serving.embedded import EmbeddedForkServer


class _Standing(EmbeddedForkServer):
    """Ends its replicas and stays."""

    idle = True

    def log_to(self, log: Path) -> None:
        """Touch the log of a run that takes it: what servers say goes to the log of all."""
        log.touch()

    def stop(self) -> None:
        """Close the replicas' channels, at which they end."""
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        self.idle = True

    def end(self) -> None:
        """End for good."""
        super().stop()


@contextmanager
def standing(log: Path) -> Iterator[Callable[..., EmbeddedForkServer]]:
    """Give what makes fork servers, or takes one that stands idle; all of them end at last."""
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
