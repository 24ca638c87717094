"""The page on the report quotes the report."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

PAGE = " ".join((ROOT / "docs" / "reference" / "report.md").read_text(encoding="utf-8").split())
INTERFACE = " ".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "perfgate" / "report").rglob("*"))
    if path.suffix in {".py", ".j2", ".js"}
)
TITLES = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)|- \*\*(?!Banner)([^*]+)\.\*\*", PAGE)
QUOTED = (*re.findall(r'"([^"]+)"', PAGE), *(one or other for one, other in TITLES))


@pytest.mark.parametrize("words", QUOTED)
def test_a_quoted_text_is_in_the_report(words: str) -> None:
    assert words in INTERFACE
