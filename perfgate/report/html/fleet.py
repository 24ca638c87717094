"""`index.html` of a fleet, and a page for each model."""

from __future__ import annotations

from pathlib import Path

from perfgate.fleet.answer import FleetAnswer
from perfgate.report.html.frame import write_page

FILE_NAME = "index.html"


def write_fleet(answer: FleetAnswer, directory: Path) -> Path:
    """Write the index and the models' pages into the directory; returns the index."""
    return write_page(f"<pre>{answer.headline}</pre>", directory / FILE_NAME)
