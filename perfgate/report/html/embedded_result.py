"""The result embedded in its page: `result.json` in a link, so that the page carries its numbers."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, replace

from markupsafe import Markup

from perfgate.experiment.timeline import Timeline
from perfgate.results.document import FILE_NAME, to_json
from perfgate.results.result import BlockColumns, Result, TrialColumns

MOST_BYTES = 400_000
"""Largest packed link: the rest of a long run's page is about 250 kB, and the page stays below 1 MB."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """The content of the link."""

    name: str
    link: Markup
    """A `data:` address in base64, which cannot end the attribute that contains it."""
    is_whole: bool
    """False if trials, blocks and samples of the servers were omitted because they would make the page too large."""


def attach(result: Result) -> Attachment:
    """Pack the result; the same result gives the same bytes."""
    whole = _packed(result)
    if len(whole) <= MOST_BYTES:
        return _attachment(whole, is_whole=True)
    short = replace(result, trials=TrialColumns(), blocks=BlockColumns(), timeline=Timeline())
    return _attachment(_packed(short), is_whole=False)


def _packed(result: Result) -> str:
    return base64.b64encode(gzip.compress(to_json(result).encode(), mtime=0)).decode()


def _attachment(packed: str, *, is_whole: bool) -> Attachment:
    link = Markup("data:application/gzip;base64,{}").format(packed)
    return Attachment(f"{FILE_NAME}.gz", link, is_whole)
