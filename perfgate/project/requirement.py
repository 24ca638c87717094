"""The pip requirement with which a CI job gets this same perfgate: from an index, a repository, a URL or a file."""

from __future__ import annotations

import json
import os
import shlex
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from perfgate.version import __version__


def installed_requirement(project: Path) -> str | None:
    """Return pip's requirement for installing this perfgate again; None if only this machine has it.

    Read from `direct_url.json`, which pip writes beside a package that did not come from an index (PEP 610). A file or
    directory only counts below `project`, as a relative path: nothing else exists on a CI server.
    """
    text = distribution("perfgate").read_text("direct_url.json")
    return f"perfgate=={__version__}" if text is None else requirement_of(json.loads(text), project)


def requirement_of(direct_url: dict[str, Any], project: Path) -> str | None:
    """Convert the content of a `direct_url.json` to a requirement; None as above."""
    url = str(direct_url["url"])
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(os.path.realpath(unquote(parts.path)))
        home = Path(os.path.realpath(project))
        return f"./{path.relative_to(home)}" if path.is_relative_to(home) else None
    if (source := direct_url.get("vcs_info")) is not None:
        url = f"{source['vcs']}+{url}@{source['commit_id']}"
    below = direct_url.get("subdirectory")
    return f"perfgate @ {url}" + (f"#subdirectory={below}" if below else "")


def how_to_bring(ci_file: Path) -> tuple[str, ...]:
    """Return instructions for a perfgate that only this machine has: lines, with commands to paste."""
    named, wheel = f"perfgate=={__version__}", f"./wheels/perfgate-{__version__}-py3-none-any.whl"
    return (
        f"set what CI installs: {ci_file} uses {named}, but this perfgate was installed from a directory or file",
        "  on this machine. If the job's package index does not have it, commit a wheel and use that:",
        f"    python -m pip wheel --no-deps -w wheels {shlex.quote(_installed_from())}",
        f"    sed -i 's|{named}|{wheel}|' {ci_file}",
        "    git add wheels",
    )


def _installed_from() -> str:
    text = distribution("perfgate").read_text("direct_url.json")
    parts = urlsplit("" if text is None else str(json.loads(text)["url"]))
    return unquote(parts.path) if parts.scheme == "file" else "PATH_TO_PERFGATE"
