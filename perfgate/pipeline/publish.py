"""The files that a finished run leaves in its directory."""

from __future__ import annotations

from pathlib import Path

from perfgate.report.html import page
from perfgate.results import document, explanation_document
from perfgate.results.recorder import not_writable
from perfgate.results.result import Result


def withdraw(directory: Path) -> None:
    """Remove the page and the explanation of an earlier run; UsageError if that cannot be done."""
    try:
        for name in (page.FILE_NAME, explanation_document.FILE_NAME):
            (directory / name).unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(directory, error) from error


def publish(result: Result, directory: Path) -> None:
    """Write result.json, the page, and explain.json if the run was explained."""
    document.write(result, directory)
    if result.explanation is not None:
        explanation_document.write(result.explanation, directory)
    # The page shows what was stored, where numbers are rounded, so `perfgate report` reproduces it byte for byte.
    page.write(document.read(directory), directory)
