"""The result inside its page: `result.json` in a link, so that whoever has the page has the numbers."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, replace

from markupsafe import Markup

from perfgate.experiment.timeline import Timeline
from perfgate.results.document import FILE_NAME, to_json
from perfgate.results.result import BlockColumns, Result, TrialColumns

MOST_BYTES = 400_000
"""Of the packed link: what else a page of a long run has is about 250 kB, and the page stays below 1 MB."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What the link holds."""

    name: str
    link: Markup
    """A `data:` address, base64: nothing in it can end the attribute that it stands in."""
    is_whole: bool
    """False where each trial, block and sample of the servers was left out: they would make the page too large."""


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
