"""A `.keras` file's SavedModel: exported once, in another process, and cached by the file's digest."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from perfgate.errors import InvalidRunError
from perfgate.model.digest import file_sha256
from perfgate.model.legacy_keras import conversion_of
from perfgate.sanitize import one_line

_MOST_CHARACTERS = 300


def _export(source: Path, destination: Path) -> None:
    # -P: files in the working directory must not shadow packages of the same name
    command = [sys.executable, "-P", "-m", "perfgate.model.keras_export", str(source), str(destination)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")  # noqa: S603  # our own module
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        remedy = conversion_of(source) or "for a model with custom classes, use its SavedModel instead"
        raise InvalidRunError(f"{source} cannot be exported: {one_line(last, _MOST_CHARACTERS)}", remedy)


def exported(source: Path, cache_dir: Path, export: Callable[[Path, Path], None] = _export) -> Path:
    """Return the SavedModel directory of a `.keras` file, `cache_dir/<sha256 of the file>`, made if necessary.

    The directory appears atomically, even if several processes make it. InvalidRunError if the file cannot be exported.
    """
    directory = cache_dir / file_sha256(source)
    if directory.is_dir():
        return directory
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".export-") as scratch:
        fresh = Path(scratch) / "saved_model"
        export(source, fresh)
        try:
            fresh.rename(directory)
        except OSError:  # another process was faster: its result is equally good
            if not directory.is_dir():
                raise
    return directory
