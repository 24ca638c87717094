"""Progress in a log: one line a phase; on a terminal see `live.py`."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from perfgate import formatting
from perfgate.results.progress import Phase, SilentProgress
from perfgate.sanitize import one_line
from perfgate.trials import Caution


class LineProgress(SilentProgress):
    """Prints one plain line at the beginning of each phase."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def phase(self, phase: Phase) -> None:
        """Print the phase and the most time that it takes."""
        length = "" if phase.most_s is None else f", at most {formatting.duration(phase.most_s)}"
        self._console.print(Text(f"perfgate: {one_line(phase.name)}{length}"), soft_wrap=True)

    def tell(self, caution: Caution) -> None:
        """Print the caution and its remedy in one line."""
        self._console.print(caution_text(caution), soft_wrap=True)


def caution_text(caution: Caution) -> Text:
    """Return a caution as a line of text."""
    remedy = f": {one_line(caution.remedy)}" if caution.remedy else ""
    return Text(f"perfgate: caution: {one_line(caution.message)}{remedy}")
