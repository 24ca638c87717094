"""Names of operations for readers."""

from __future__ import annotations

NO_SCOPE = "-"
"""The scope of names without a slash."""
_CALLS = ("StatefulPartitionedCall", "PartitionedCall")


def scope_of(name: str) -> str:
    """Return the scope of one name: what is before the last `/`, without calls of functions."""
    return shown_name(name).rpartition("/")[0] or NO_SCOPE


def shown_name(name: str) -> str:
    """Return a name without the calls of functions in which every export wraps a model."""
    *scopes, leaf = name.split("/")
    return "/".join([*(scope for scope in scopes if not scope.startswith(_CALLS)), leaf])
