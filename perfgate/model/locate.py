"""From the user's path to a SavedModel directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.model.keras_file import exported
from perfgate.model.legacy_keras import explain_hdf5, is_hdf5
from perfgate.nearest import nearest

GRAPH_FILE = "saved_model.pb"
_OTHER_FORMS = {
    "saved_model.pbtxt": 'convert it: python -c "from tensorflow.python.saved_model.loader_impl import '
    "parse_saved_model as read; open('{0}/saved_model.pb', 'wb').write(read('{0}').SerializeToString())\"",
    "saved_model.cpb": "export it with less than 2 GiB of graph, as saved_model.pb: weights belong in variables",
}
"""Other forms that TensorFlow loads (tensorflow/cc/saved_model/reader.cc), and what to do about them."""
_RUNNING = "`run` and `compare` take running servers: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME"
_LOOKED_FOR = f"a model is a directory with {GRAPH_FILE}, a directory with <number>/{GRAPH_FILE}, or a .keras file"

_NAMED = 4
_MOST_LINKS = 40
"""As many links as the kernel follows."""
_HDF5_SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True, slots=True)
class Location:
    """A SavedModel directory and its version."""

    directory: Path
    """Absolute."""
    version: int


def locate(given: str, cache_dir: Path) -> Location:
    """Find the SavedModel that `given` names, exporting a `.keras` file into `cache_dir`.

    Below a base path, the highest number, like TF-Serving: whether or not it is complete, and ignoring other children
    (`IndexChildrenByVersion` in tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc).

    UsageError if there is none, or one that cannot be loaded; InvalidRunError if the export fails.
    """
    if "://" in given:
        raise UsageError(f"{given} is a URL, not a model on disk", _RUNNING)
    path = Path(given)
    if path.is_file() and path.suffix in {".keras", *_HDF5_SUFFIXES} and is_hdf5(path):
        problem, remedy = explain_hdf5(path)
        raise UsageError(f"{given} {problem}", remedy)
    if path.suffix == ".keras" and path.is_file():
        return Location(exported(path.resolve(), cache_dir.absolute()), 1)
    if not path.exists():
        raise UsageError(f"{given} does not exist", _beside(path, given) or _LOOKED_FOR)
    if latest := _latest(path):
        return Location(_complete(latest, given), _version(latest.name))
    if _is_saved_model(path):
        own = next((number for number in map(_version, _names(path)) if number >= 0), 1)
        return Location(_readable(path, given), own)
    raise UsageError(f"{given} is not a model", _named_otherwise(path, given) or _LOOKED_FOR)


def _names(path: Path) -> Iterator[str]:
    """Return the name of a path and, if it is a link, the names of its targets, one after the other."""
    path = path.absolute()
    for _ in range(_MOST_LINKS):
        yield path.name
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    yield path.resolve().name


def _is_saved_model(directory: Path) -> bool:
    """Return whether TensorFlow would find a graph in it, in a form that perfgate may or may not read."""
    return any((directory / name).is_file() for name in (GRAPH_FILE, *_OTHER_FORMS))


def _latest(path: Path) -> Path | None:
    """Find the child with the highest number; of two spellings the one that sorts last, like TF-Serving."""
    children = sorted(path.iterdir(), key=lambda child: child.name) if path.is_dir() else []
    versions = [child for child in reversed(children) if _version(child.name) >= 0]
    return max(versions, key=lambda child: _version(child.name), default=None)


def _complete(version: Path, given: str) -> Path:
    """Return the directory of a version; UsageError if TF-Serving would choose it and fail to load it."""
    number = _version(version.name)
    if _is_saved_model(version):
        return _readable(version, str(Path(given) / version.name))
    what = (
        f"has no {GRAPH_FILE}" if version.is_dir() else "is not a directory" if version.exists() else "is a broken link"
    )
    raise UsageError(
        f"version {number} of {given} is not complete: {Path(given) / version.name} {what}",
        f"finish or remove it: TF-Serving would choose it and fail{_earlier(version, given)}",
    )


def _earlier(version: Path, given: str) -> str:
    """Name the version before an incomplete one; empty if there is none."""
    others = [child for child in version.parent.iterdir() if child != version and _version(child.name) >= 0]
    whole = [child for child in others if _is_saved_model(child)]
    latest = max(whole, key=lambda child: _version(child.name), default=None)
    return f"; to measure the previous version, use {Path(given) / latest.name}" if latest else ""


def _readable(directory: Path, given: str) -> Path:
    """Resolve links, which may change before the model is loaded; UsageError if it cannot be read."""
    if (directory / GRAPH_FILE).is_file():
        return directory.resolve()
    form = next(name for name in _OTHER_FORMS if (directory / name).is_file())
    raise UsageError(
        f"{given} has its graph in {form}, which perfgate cannot read", _OTHER_FORMS[form].format(directory)
    )


def _named_otherwise(path: Path, given: str) -> str:
    """Return the children of a directory without versions: models whose names are not numbers."""
    return "" if path.is_file() else _below(path, given)


def _beside(path: Path, given: str) -> str:
    """Name the model that a mistyped path most likely means; empty if there is none beside it."""
    found = _models_in(path.parent)
    return f"did you mean {Path(given).parent / nearest(path.name, found)}?" if found else ""


def _below(path: Path, given: str) -> str:
    """Name the models in a directory of models; empty if there are none."""
    found = _models_in(path)
    shown = ", ".join(str(Path(given) / name) for name in found[:_NAMED])
    more = ", ..." if len(found) > _NAMED else ""
    return f"choose one of the models in it (versions are whole numbers): {shown}{more}" if found else ""


def _models_in(directory: Path) -> tuple[str, ...]:
    try:
        children = sorted(directory.iterdir())
        return tuple(each.name for each in children if _is_model(each))
    except OSError:  # missing, not a directory, or not readable
        return ()


def _is_model(path: Path) -> bool:
    return (
        path.suffix == ".keras"
        or _is_saved_model(path)
        or (path.is_dir() and any(_version(child.name) >= 0 and _is_saved_model(child) for child in path.iterdir()))
    )


def _version(name: str) -> int:
    """Parse a version number like TF-Serving (an int64, 0 or more); -1 if the name is not one."""
    number = int(name) if name.isascii() and name.isdigit() else -1
    return number if number < 1 << 63 else -1
