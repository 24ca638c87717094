"""Files that a user asks for besides those of a run's own directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from perfgate.errors import UsageError
from perfgate.sanitize import one_line


def make_ready(path: Path, option: str) -> None:
    """Check before measuring that a file can be written, and remove that of an earlier run; UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.unlink()
    except OSError as error:
        problem = f"cannot write {path}: {error.strerror or error}"
        raise UsageError(problem, f"choose another file with {option}") from error


@contextmanager
def reporting_failure(path: Path, console: Console) -> Iterator[None]:
    """Report a file that cannot be written, and continue: what was measured stands."""
    try:
        yield
    except OSError as error:
        console.print(
            one_line(f"perfgate: cannot write {path}: {error.strerror or error}"), markup=False, soft_wrap=True
        )
