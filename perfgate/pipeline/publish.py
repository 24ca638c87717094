"""The files that a finished run leaves in its directory."""

from __future__ import annotations

from pathlib import Path

from perfgate.report.html import page
from perfgate.results import document
from perfgate.results.recorder import not_writable
from perfgate.results.result import Result


def withdraw(directory: Path) -> None:
    """Remove the page of an earlier run; UsageError if that cannot be done."""
    try:
        (directory / page.FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(directory, error) from error


def publish(result: Result, directory: Path) -> None:
    """Write result.json and the page."""
    document.write(result, directory)
    # The page shows what was stored, where numbers are rounded, so `perfgate report` reproduces it byte for byte.
    page.write(document.read(directory), directory)
