"""^C and a cancelled CI job: both end a run in order, without interrupting the writing of its result."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns both signals into KeyboardInterrupt, and remembers that one came."""

    def __init__(self) -> None:
        self.happened = False
        self._held = False

    def install(self) -> None:
        """Take over the process's handlers."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self.happened = True
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the code inside finish: a signal is only remembered."""
        self._held = True
        try:
            yield
        finally:
            self._held = False


INTERRUPTS = Interrupts()
"""Shared, because signal handlers belong to the process."""
