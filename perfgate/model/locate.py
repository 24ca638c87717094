"""From what the user named to a SavedModel directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.model.keras_file import exported
from perfgate.model.nearest import nearest

GRAPH_FILE = "saved_model.pb"
_RUNNING = "`run` and `compare` take running servers: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME"
_LOOKED_FOR = (
    f"a model is a directory with {GRAPH_FILE}, a directory with <number>/{GRAPH_FILE} below it, or a .keras file"
)

_NAMED = 4


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
        raise UsageError(f"{given} does not exist", _beside(path, given) or _LOOKED_FOR)
    versions = [child for child in path.iterdir() if _is_version(child)] if path.is_dir() else []
    if not versions:
        raise UsageError(f"{given} is no model", _below(path, given) or _LOOKED_FOR)
    latest = max(versions, key=_version)
    return Location(latest, _version(latest))


def _beside(path: Path, given: str) -> str:
    """Name the model that a mistyped path most likely means; empty where none is beside it."""
    found = _models_in(path.parent)
    return f"did you mean {Path(given).parent / nearest(path.name, found)}?" if found else ""


def _below(path: Path, given: str) -> str:
    """Name the models that a directory of models holds; empty where it holds none."""
    found = _models_in(path)
    shown = ", ".join(str(Path(given) / name) for name in found[:_NAMED])
    return f"name one of the models in it: {shown}{', ...' if len(found) > _NAMED else ''}" if found else ""


def _models_in(directory: Path) -> tuple[str, ...]:
    try:
        children = sorted(directory.iterdir())
        return tuple(each.name for each in children if _is_model(each))
    except OSError:  # not there, no directory, or not ours to read
        return ()


def _is_model(path: Path) -> bool:
    return (
        path.suffix == ".keras"
        or (path / GRAPH_FILE).is_file()
        or (path.is_dir() and any(_is_version(child) for child in path.iterdir()))
    )


def _is_version(path: Path) -> bool:
    return _version(path) >= 0 and (path / GRAPH_FILE).is_file()


def _version(path: Path) -> int:
    """Read a directory's version number as TF-Serving does (an int64, 0 or more); -1 when its name is none."""
    number = int(path.name) if path.name.isascii() and path.name.isdigit() else -1
    return number if number < 1 << 63 else -1
