"""What `perfgate runs` and `perfgate export` share: the place, its index, and times."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli.options import is_typed
from perfgate.errors import UsageError
from perfgate.model.cache import cache_dir

if TYPE_CHECKING:
    from perfgate.results.runs.index import Runs
    from perfgate.results.runs.interface import Place

REPORTS = "reports"
_EVERY_S = 5.0
_BACK = {"d": timedelta(days=1), "h": timedelta(hours=1), "w": timedelta(weeks=1)}

place_argument = click.argument("place", metavar="[DIR|URL]", default=REPORTS)


def opened(given: str) -> Place:
    """Open the place of the runs; UsageError if there is no such directory, except the default one."""
    from perfgate.results.runs.places import place_of  # noqa: PLC0415 - instant --help

    if is_typed("place") and "://" not in given and not Path(given).exists():
        raise UsageError(f"there is no directory {given}", "name the one that contains the runs, such as reports")
    return place_of(given)


def runs_in(place: Place, columns: Sequence[str]) -> Runs:
    """Return all runs, and tell on stderr how far reading is if that takes long."""
    from perfgate.results.runs.index import Index  # noqa: PLC0415 - instant --help

    index = Index(place, cache_dir(os.environ))
    return index.runs(columns, len(os.sched_getaffinity(0)), reporting("read", time.monotonic))


def reporting(done_so: str, clock: Callable[[], float]) -> Callable[[int, int], None]:
    """Return what prints on stderr how many runs are done, every few seconds."""
    last_s = clock()

    def report(done: int, total: int) -> None:
        nonlocal last_s
        if done < total and clock() - last_s >= _EVERY_S:
            last_s = clock()
            click.echo(f"{done_so} {done:,} of {total:,} runs", err=True)

    return report


class Moment(click.ParamType[tuple[datetime, datetime]]):
    """`2026-03-01`, `2026-03-01T10:15` or `7d`; the first and the last instant that it names, in UTC."""

    name = "time"

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[datetime, datetime]:
        """Read the text; anything else is a usage error."""
        text = str(value)
        try:
            if match := re.fullmatch(r"(\d+)([hdw])", text):
                back = self._now() - int(match[1]) * _BACK[match[2]]
                return back, back
            time = datetime.fromisoformat(text)
            begin = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
            return begin, begin + timedelta(days=len(text) == len("2026-03-01"))
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a time; write 2026-03-01, 2026-03-01T10:15 or 7d", param, ctx)
