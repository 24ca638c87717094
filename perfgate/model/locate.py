"""From what the user named to a SavedModel directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.model.keras_file import exported

GRAPH_FILE = "saved_model.pb"
_RUNNING = "`run` and `compare` take running servers: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME"
_LOOKED_FOR = (
    f"a model is a directory with {GRAPH_FILE}, a directory with <number>/{GRAPH_FILE} below it, or a .keras file"
)


@dataclass(frozen=True, slots=True)
class Location:
    """A SavedModel directory and the version it stands for."""

    directory: Path
    """Absolute."""
    version: int


def locate(given: str, cache_dir: Path) -> Location:
    """Find the SavedModel that `given` means, exporting a `.keras` file into `cache_dir`.

    UsageError when there is none, InvalidRunError when the export fails.
    """
    if "://" in given:
        raise UsageError(f"{given} is a URL, and no model on disk", _RUNNING)
    path = Path(given).resolve()  # a link may point elsewhere by the time it is loaded
    if path.suffix == ".keras" and path.is_file():
        return Location(exported(path, cache_dir.absolute()), 1)
    if (path / GRAPH_FILE).is_file():
        return Location(path, _version(path) if _version(path) >= 0 else 1)
    if not path.exists():
        raise UsageError(f"{given} does not exist", _LOOKED_FOR)
    versions = [child for child in path.iterdir() if _is_version(child)] if path.is_dir() else []
    if not versions:
        raise UsageError(f"{given} is no model", _LOOKED_FOR)
    latest = max(versions, key=_version)
    return Location(latest, _version(latest))


def _is_version(path: Path) -> bool:
    return _version(path) >= 0 and (path / GRAPH_FILE).is_file()


def _version(path: Path) -> int:
    """Read a directory's version number as TF-Serving does (an int64, 0 or more); -1 when its name is none."""
    number = int(path.name) if path.name.isascii() and path.name.isdigit() else -1
    return number if number < 1 << 63 else -1
