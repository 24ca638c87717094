"""Links of the pages lead to existing files and headings, and every page can be reached from the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.pages import PAGES, ROOT
from tests.test_project import tracked

OF_NOTHING = {"tests/docs/test_links.py", "tests/test_project.py"}
"""Tests that mention missing pages on purpose."""
ALSO = (ROOT / "CHANGELOG.md", *sorted(ROOT.glob("*/README.md")))


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield file and anchor of each link and picture that is not a URL."""
    for token in _tokens(page):
        for child in token.children or ():
            target = str(child.attrGet("href") or child.attrGet("src") or "")
            if target and not re.match(r"\w+:", target):
                path, _, anchor = target.partition("#")
                yield ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    found: dict[str, int] = {}
    given = set()
    tokens = _tokens(page)
    for heading, inline in pairwise(tokens):
        if heading.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or ())
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        given.add(f"{slug}-{count}" if count else slug)
    return given


def broken(page: Path) -> list[str]:
    """List the broken links."""
    return [
        f"{path.name}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", [*PAGES, *ALSO], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    assert broken(page) == []


_MENTION = re.compile(r"(?<![\w/.:])(docs/[\w/-]+\.(?:md|json|svg))(?:#([\w-]+))?")


def mentions_of_nothing(text: str) -> list[str]:
    """List the pages and headings in docs/ that a text mentions and that do not exist."""
    return [
        f"{path}#{anchor}"
        for path, anchor in _MENTION.findall(text)
        if not (ROOT / path).is_file() or (anchor and anchor not in anchors(ROOT / path))
    ]


def test_pages_that_code_mentions_are_there() -> None:
    files = [file for file in tracked() if file.suffix in {".py", ".j2", ".toml", ".md", ".json", ".html"}]
    found = {str(file.relative_to(ROOT)): mentions_of_nothing(file.read_text(encoding="utf-8")) for file in files}
    assert {name: nothing for name, nothing in found.items() if nothing and name not in OF_NOTHING} == {}


def test_a_mention_of_nothing_would_show() -> None:
    text = "(docs/README.md#how-tos) docs/gone.md docs/README.md#gone https://x.invalid/docs/gone.md"
    assert mentions_of_nothing(text) == ["docs/gone.md#", "docs/README.md#gone"]


_SOURCE = re.compile(r"(?<![\w/.-])(?:perfgate|tests|benchmarks)/[\w/]+\.py\b")
_ELSEWHERE = {"tests/tigerbeetle_test.py"}
"""A file of Apache Otava."""


def sources_of_nothing(text: str) -> set[str]:
    """List the source files that a text mentions and that do not exist."""
    return {path for path in _SOURCE.findall(text) if not (ROOT / path).is_file()} - _ELSEWHERE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sources_that_pages_name_are_there(page: Path) -> None:
    assert sources_of_nothing(page.read_text(encoding="utf-8")) == set()


def test_a_source_that_is_gone_would_show() -> None:
    assert sources_of_nothing("`perfgate/gone.py`, `perfgate/metrics.py`, /perfgate/x.py") == {"perfgate/gone.py"}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [path for path, _ in links(page) if path.exists()]
    assert set(PAGES) <= reached


def test_a_broken_link_would_show(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b_c` d: e\n\n## A\n\n## A\n\n[1](#a-b_c-d-e) [2](page.md#a-1) [3](#a-2) [4](gone.md) [5](https://x.invalid)\n\n"
        "| a |\n|---|\n| [6](#none) |\n"
    )
    assert broken(page) == ["page.md#a-2", "gone.md#", "page.md#none"]
