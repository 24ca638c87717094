"""Which sketch is meant: a TOML file, a function in a Python file, or a Keras file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from zipfile import is_zipfile

from perfgate.errors import UsageError
from perfgate.model.digest import file_sha256
from perfgate.model.legacy_keras import explain_hdf5, is_hdf5
from perfgate.nearest import is_near, nearest

Kind: TypeAlias = Literal["toml", "python", "keras"]

_KINDS: dict[str, Kind] = {".toml": "toml", ".py": "python", ".keras": "keras"}
_HDF5_SUFFIXES = (".h5", ".hdf5")
_FORMS = "a sketch is FILE.toml, FILE.py or FILE.py:FUNCTION, or FILE.keras"
_GRAPH_FILES = ("saved_model.pb", "saved_model.pbtxt")


@dataclass(frozen=True, slots=True)
class SketchSource:
    """A sketch on disk."""

    given: str
    """As given: a path, or `FILE.py:FUNCTION`."""
    kind: Kind
    path: Path
    """Of the file, absolute."""
    function: str
    """Function of a Python file; empty for its only public one."""
    digest: str
    """SHA-256 of the file, `sha256:…`."""


def sketch_of(given: str) -> SketchSource:
    """Find the sketch that is given as `x.toml`, `x.keras`, `x.py` or `x.py:function`.

    UsageError if there is no such file, it cannot be read, or it is something else.
    """
    file, _, function = given.rpartition(":") if ".py:" in given else (given, "", "")
    path = Path(file)
    if not path.exists():
        raise UsageError(f"{file}: no such file", _beside(path) or _FORMS)
    try:
        if path.is_dir():
            raise _directory(path, given)
        if path.suffix in {".keras", *_HDF5_SUFFIXES} and is_hdf5(path):
            problem, remedy = explain_hdf5(path)
            raise UsageError(f"{given} {problem}", remedy)
        digest, is_archive = file_sha256(path), is_zipfile(path)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}", "check the file and its permissions") from error
    if path.suffix not in _KINDS:
        raise UsageError(f"{given} is not a sketch", _FORMS)
    if path.suffix == ".keras" and not is_archive:
        raise UsageError(f"{given} is not a Keras file, which is a zip archive", "save it again: model.save('m.keras')")
    if ".py:" in given and not function.isidentifier():
        raise UsageError(f"{given}: {function!r} is not the name of a function", _FORMS)
    return SketchSource(given, _KINDS[path.suffix], path.absolute(), function, f"sha256:{digest}")


def _directory(path: Path, given: str) -> UsageError:
    places = (path, *(each for each in path.iterdir() if each.name.isdigit()))
    if any((place / name).is_file() for place in places for name in _GRAPH_FILES):
        return UsageError(
            f"{given} is a trained model's SavedModel", f"`perfgate run {given} --no-baseline` measures it"
        )
    there = _sketches_in(path)
    return UsageError(f"{given} is a directory", f"there are: {', '.join(there)}" if there else _FORMS)


def _beside(path: Path) -> str:
    """Name the sketch that a mistyped path most likely means; empty if none is similar."""
    there = _sketches_in(path.parent)
    near = nearest(str(path), there) if there else ""
    return f"did you mean {near}?" if near and is_near(str(path), near) else ""


def _sketches_in(directory: Path) -> list[str]:
    try:
        return sorted(str(each) for each in directory.iterdir() if each.suffix in _KINDS and each.is_file())
    except OSError:  # missing, or not readable
        return []
