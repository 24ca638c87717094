"""The pointer of a name: the file that says which record is current, kept right beside other writers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perfgate.baseline.commands import showing
from perfgate.baseline.place import StoreLocation
from perfgate.errors import UsageError

CURRENT = "current"
"""File with the id of a name's current record, its newest; without it, the newest file is current."""
_MOST_ROUNDS = 100
"""A round is lost only to a writer who has moved the pointer in the meantime."""


def settle(
    place: StoreLocation, name: str, ids_of: Callable[[str], Sequence[str]], without: Sequence[str] = ()
) -> None:
    """Write the pointer until it names the newest record, except those of `without`; UsageError if others go on.

    Each writer looks again after its last write. So whoever writes last has seen a pointer to the newest of all records
    that existed then; and the writer of a record that appears later has yet to look. That holds without locks, unless a
    writer is killed between writing and looking. Where writes are conditional (S3), the pointer does not move back for
    a moment either: it is read before the list, so a writer whose list is old finds it changed.
    """
    file = f"{name}/{CURRENT}"
    for _ in range(_MOST_ROUNDS):
        seen = place.look(file)
        remaining = [one for one in ids_of(name) if one not in without]
        wanted = f"{remaining[-1]}\n" if remaining else None
        if seen.text == wanted:
            return
        if wanted is None:
            place.remove(file)
        else:
            place.replace(file, wanted, seen)
    problem = f"{place.shown(file)} does not keep what is written to it; all records are stored"
    raise UsageError(problem, f"see which is current with `{showing(name, place.url)}`")
