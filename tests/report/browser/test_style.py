"""Light and dark mode, print, and accessibility, computed from the browser's rendering."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.report.browser.visit import Opener

pytestmark = pytest.mark.slow

_TEXT, _INK = 4.5, 3.0
"""Minimum contrast of text and of graphics: WCAG 2.2, 1.4.3 and 1.4.11."""

_A4_PX = 718
"""Width between margins of 1 cm."""

_LETTERS = """() => [...new Set([...document.querySelectorAll("figure svg text")].map(node => {
    const { fill, fillOpacity } = getComputedStyle(node);
    return `${fill} ${fillOpacity}`;
}))]"""
_LINES = """() => [...new Set([...document.querySelectorAll("[data-series], .disc, .bar[stroke]")].map(node => {
    const { fill, stroke } = getComputedStyle(node);
    return `${stroke === "none" ? fill : stroke} 1`;
}))]"""
_PAGE = "() => `${getComputedStyle(document.body).backgroundColor} 1`"

Colour = tuple[float, float, float]


def _colour(words: str, ground: Colour) -> Colour:
    """Parse `rgb(1, 2, 3) 0.65` as it appears on a background."""
    red, green, blue, opacity = (float(number) for number in re.findall(r"[\d.]+", words))
    return tuple(opacity * c / 255 + (1 - opacity) * g for c, g in zip((red, green, blue), ground, strict=True))  # type: ignore[return-value]


def _luminance(colour: Colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(words: str, ground: Colour) -> float:
    one, other = sorted((_luminance(_colour(words, ground)), _luminance(ground)))
    return (other + 0.05) / (one + 0.05)


def _ground(page: Page) -> Colour:
    return _colour(page.evaluate(_PAGE), (1.0, 1.0, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "fail",
        "inconclusive",
        "history",
        "explain_extra_layer",
        "capacity_two_arms",
        "plan_everything",
        "plan_two_dimensions",
        "plan_check",
        "fleet_failing",
    ],
)
def test_charts_are_legible(opened: Opener, name: str) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    with opened(name) as seen:
        for scheme in schemes:
            seen.page.emulate_media(color_scheme=scheme)
            ground = _ground(seen.page)
            assert (_luminance(ground) < 0.1) == (scheme == "dark")
            letters, lines = seen.page.evaluate(_LETTERS), seen.page.evaluate(_LINES)
            assert letters
            assert lines
            assert {words: _contrast(words, ground) for words in letters if _contrast(words, ground) < _TEXT} == {}
            assert {words: _contrast(words, ground) for words in lines if _contrast(words, ground) < _INK} == {}


def test_contrast_is_computed_as_wcag_does() -> None:
    white = (1.0, 1.0, 1.0)
    assert _contrast("rgb(0, 0, 0) 1", white) == pytest.approx(21)
    assert _contrast("rgb(118, 118, 118) 1", white) == pytest.approx(4.54, abs=0.01)  # the lightest grey for text
    assert _contrast("rgb(0, 0, 0) 0.5", white) < _TEXT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("fail", "light"),
        ("history", "dark"),
        ("explain_extra_layer", "dark"),
        ("explain_not_traced", "light"),
        ("capacity_two_arms", "dark"),
        ("capacity_low_load", "light"),
        ("plan_everything", "light"),
        ("plan_two_dimensions", "dark"),
        ("plan_alone", "dark"),
        ("fleet_failing", "light"),
        ("fleet_model", "dark"),
    ],
)
def test_nothing_stands_in_the_way_of_assistive_technology(opened: Opener, name: str, scheme: str) -> None:
    """axe-core: names, roles, headings, tables, contrast of text, keyboard access."""
    with opened(name, color_scheme=scheme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
        found = Axe().run(seen.page)
        assert found.generate_report() == "Found 0 accessibility violations:\n"


def test_paper_has_everything_on_white(opened: Opener, tmp_path: Path) -> None:
    with opened("fail", color_scheme="dark") as seen:
        paper = seen.page.pdf(path=tmp_path / "page.pdf", format="A4")
        assert 3 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 14
        seen.page.emulate_media(media="print")
        assert _luminance(_ground(seen.page)) > 0.9
        assert not seen.page.locator(".contents").is_visible()
        assert seen.page.locator("button:visible:not(thead button)").count() == 0
        assert seen.page.locator("#gate thead").first.inner_text().split()[:3] == ["verdict", "metric", "change"]
        seen.page.set_viewport_size({"width": _A4_PX, "height": 900})
        wide = "[...document.querySelectorAll('main *')].filter(n => n.getBoundingClientRect().right > innerWidth + 1)"
        assert seen.page.evaluate(f"{wide}.map(n => n.outerHTML.slice(0, 80))") == []


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False])
def test_paper_opens_what_is_folded(opened: Opener, scripts: bool) -> None:
    with opened("fail", java_script_enabled=scripts) as seen:
        row = seen.page.locator(".others tbody tr").first
        assert not row.is_visible()
        seen.page.emulate_media(media="print")
        assert row.is_visible()
