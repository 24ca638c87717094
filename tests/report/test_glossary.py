"""Terms are in one table, sorted, each once, and only those that a reader meets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markupsafe import Markup

from perfgate.report.glossary import TERMS, Term, terms_in
from perfgate.report.html.frame import coded, terms
from tests.report.kinds import page

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "explanation" / "glossary.md"
READ = (
    *(path for path in (ROOT / "docs").rglob("*.md") if path != GLOSSARY),
    *(ROOT / "perfgate" / "report").rglob("*.j2"),
)
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in READ)


def test_words_are_sorted_and_each_is_there_once() -> None:
    words = [term.word for term in TERMS]
    assert words == sorted(set(words), key=str.casefold)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.word)
def test_a_word_is_used_and_explained_in_a_sentence_or_two(term: Term) -> None:
    assert Term(term.word, "", "").stands_in(TEXT), "no page and no report uses it"
    sentences = re.findall(r"[.?!](?= [A-Z`]| perfgate |$)", term.meaning)
    assert 1 <= len(sentences) <= 2
    assert (ROOT / "docs" / term.where.partition("#")[0]).is_file()


def _explained(text: str) -> list[str]:
    (section,) = re.findall(r'<section id="words">(.*?)</section>', text, re.DOTALL)
    return re.findall(r'<th scope="row" align="left">(.*?)</th>', section)


def test_a_report_explains_the_words_that_it_uses_and_no_others() -> None:
    text = page("fail")
    explained = _explained(text)
    assert {"tolerance", "objective", "interim analysis"} <= set(explained)
    assert '<a href="#words">Terms on this page</a>' in text
    body = text.split("<main")[1].split('<section id="words">')[0]
    assert explained == [term.word for term in terms(body)]
    assert len(explained) < len(TERMS)


def test_words_are_found_whole_in_any_form() -> None:
    term = Term("look", "", "", forms=("looked at",))
    assert terms_in("Two Looks.", (term,)) == terms_in("it was looked at", (term,)) == (term,)
    assert terms_in("overlooked, look_s, on-look, look-up", (term,)) == ()


def test_code_is_set_as_code_and_all_else_is_escaped() -> None:
    assert coded("a `b<c` < d") == Markup("a <code>b&lt;c</code> &lt; d")
