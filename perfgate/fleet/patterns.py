"""Paths of models, some of which are patterns that match many."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.model.locate import GRAPH_FILE

_PATTERN = re.compile(r"[*?\[]")


def is_pattern(text: str, folder: Path) -> bool:
    """Return whether a path stands for many: a file that is really called so is itself."""
    return _PATTERN.search(text) is not None and not os.path.lexists(folder / text)


def matching(pattern: str, folder: Path, file: Path) -> tuple[Path, ...]:
    """Return what matches, sorted; UsageError naming the file if nothing does.

    Directories and `.keras` files that are not hidden; with `**` only models, and nothing inside them.
    """
    root, below = (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (folder, pattern)
    quoted = json.dumps(pattern, ensure_ascii=False)
    try:
        found = sorted(each for each in root.glob(below) if _may_be_model(each) and not _hidden(each, root, below))
    except (ValueError, OSError) as error:
        raise UsageError(f"{file}: {quoted} is no pattern: {error}", "correct it, or list the models") from error
    if "**" in below:
        found = list(_outermost(filter(_is_model, found)))
    if not found:
        where = f"it is relative to {folder}" if root == folder else "it begins at the root"
        raise UsageError(f"{file}: no model matches {quoted}", f"correct the pattern ({where}), or remove it")
    return tuple(found)


def _may_be_model(path: Path) -> bool:
    return path.is_dir() or path.suffix == ".keras"


def _hidden(path: Path, root: Path, pattern: str) -> bool:
    """Return whether a part of a path begins with a dot, and the pattern does not say so."""
    written = any(part.startswith(".") and part != ".." for part in Path(pattern).parts)
    parts = path.relative_to(root).parts
    return not written and any(part.startswith(".") and part != ".." for part in parts)


def _is_model(path: Path) -> bool:
    """Return whether a path is a model for certain: a file, a SavedModel, or a base path that holds one."""
    graphs = (path / GRAPH_FILE, *(path.glob(f"[0-9]*/{GRAPH_FILE}")))
    return path.suffix == ".keras" or any(graph.is_file() for graph in graphs)


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    """Leave out what is inside a path before it: versions of a base path. The paths are sorted."""
    last: Path | None = None
    for path in paths:
        if last is None or last not in path.parents:
            yield path
            last = path
