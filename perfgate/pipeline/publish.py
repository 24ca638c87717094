"""What a run leaves in its directory at the end."""

from __future__ import annotations

from pathlib import Path

from perfgate.report.html import page
from perfgate.results import document
from perfgate.results.recorder import not_writable
from perfgate.results.result import Result


def withdraw(directory: Path) -> None:
    """Remove the page that an earlier run left there; UsageError where that cannot be done."""
    try:
        (directory / page.FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(directory, error) from error


def publish(result: Result, directory: Path) -> None:
    """Write result.json and the page."""
    document.write(result, directory)
    # The page is of what was stored, where numbers are rounded: `perfgate report` makes the very same bytes again.
    page.write(document.read(directory), directory)
