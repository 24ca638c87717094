"""Model, version and method of a URL, by the patterns of TF-Serving's `http_rest_api_util.cc`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from perfgate.server.status import StatusError, invalid

_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_FLAGS = re.IGNORECASE | re.ASCII
_ASK = re.compile(rf"/v1/models/(?P<name>[^/:]+){_WHICH}:(?P<method>classify|regress|predict)", _FLAGS)
_TELL = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?:/(?P<method>metadata))?", _FLAGS)
_OURS = re.compile(r"/v1/.*", _FLAGS)


@dataclass(frozen=True, slots=True)
class Route:
    """The subject of a request."""

    name: str
    version: int | None
    label: str | None
    method: str
    """`classify`, `regress`, `predict`; `status` or `metadata`."""

    def fill(self, spec: Any) -> None:
        """Fill in a ModelSpec."""
        spec.name = self.name
        if self.version is not None:
            spec.version.value = self.version
        elif self.label is not None:
            spec.version_label = self.label


def is_ours(path: str) -> bool:
    """Return whether a path belongs to the REST API at all."""
    return _OURS.fullmatch(path) is not None


def parse(method: str, path: str) -> Route:
    """Parse method and path, still percent-encoded; INVALID_ARGUMENT for everything that TF-Serving does not know."""
    patterns = {"POST": _ASK, "GET": _TELL}
    match = patterns[method].fullmatch(path) if method in patterns else None
    if match is None:
        raise _malformed(method, path)
    wanted = match["method"] or "status"
    if wanted not in {"classify", "regress", "predict", "status", "metadata"}:  # upper case passes the pattern only
        raise _malformed(method, path)
    version = int(match["version"]) if match["version"] and len(match["version"]) < 20 else None
    if match["version"] and (version is None or version >= 1 << 63):
        raise invalid(f"Failed to convert version: {match['version']} to numeric.")
    name = _decoded(match["name"] or "")
    if not name:
        raise invalid("Missing model name in request.")
    return Route(name, version, _decoded(match["label"]) if match["label"] else None, wanted)


def _malformed(method: str, path: str) -> StatusError:
    return invalid(f"Malformed request: {method} {path}")


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode(errors="replace")
