"""Every page opens from disk, requests nothing, writes nothing to the console, and fits narrow and wide windows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import Page

from tests.report.browser.visit import PAGES, Opener

pytestmark = pytest.mark.slow

NARROW, WIDE = 400, 1600
_LEAST_LETTER_PX = 11.0

_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_SMALLEST_LETTERS = """() => Math.min(99, ...[...document.querySelectorAll("figure svg")]
    .filter(svg => !svg.closest("details:not([open])"))
    .map(svg => Number.parseFloat(getComputedStyle(svg).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width))"""
_CUT_OFF = """() => [...document.querySelectorAll("main *, header *")].filter(node => {
    const box = node.getBoundingClientRect();
    const room = node.closest(".scroll, figure, pre, details:not([open])");
    return box.width && !room && box.right > document.documentElement.clientWidth + 0.5;
}).map(node => node.outerHTML.slice(0, 80))"""


def _fits(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate(_TOO_WIDE) == 0
    assert page.evaluate(_CUT_OFF) == []
    assert page.evaluate(_SMALLEST_LETTERS) >= _LEAST_LETTER_PX


def _speaks(page: Page) -> None:
    """Headings in order, tables whose headers have a scope, pictures with a title and a description."""
    assert page.locator("html").get_attribute("lang") == "en"
    levels = page.locator("h1, h2, h3, h4").evaluate_all("nodes => nodes.map(node => Number(node.tagName[1]))")
    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(later <= before + 1 for before, later in pairwise(levels))
    assert page.locator("table th:not([scope])").count() == 0
    assert page.locator("svg:not([aria-hidden]):not([role='img'])").count() == 0
    assert page.locator("svg[role='img']:not(:has(> title)), svg[role='img']:not(:has(> desc))").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_the_disk_with_the_network_off(opened: Opener, name: str) -> None:
    with opened(name, width=NARROW) as seen:
        assert seen.said == []
        assert [address.partition(":")[0] for address in seen.asked] == ["file"]
        assert seen.page.locator("main").is_visible()
        _fits(seen.page, NARROW)
        _fits(seen.page, WIDE)
        _speaks(seen.page)
        assert seen.said == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "capacity_two_arms",
        "capacity_many_points",
        "capacity_hostile",
        "plan_hostile",
        "plan_two_dimensions",
        "fleet_many",
    ],
)
def test_a_capacity_a_plan_and_a_fleet_fit_a_small_phone(opened: Opener, name: str) -> None:
    with opened(name, width=360, color_scheme="dark") as seen:
        assert seen.page.evaluate(_TOO_WIDE) == 0
        assert seen.page.evaluate(_CUT_OFF) == []
        assert seen.said == []


@pytest.mark.slow
def test_a_page_that_does_not_fit_would_show(opened: Opener) -> None:
    with opened("fail", width=NARROW) as seen:
        seen.page.evaluate("document.querySelector('h1').style.width = '900px'")
        assert seen.page.evaluate(_TOO_WIDE) > 0
        assert seen.page.evaluate(_CUT_OFF) != []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "hostile",
        "history_hostile",
        "explain_hostile",
        "capacity_hostile",
        "plan_hostile",
        "plan_hostile_check",
        "fleet_hostile",
    ],
)
def test_hostile_names_put_nothing_into_the_page(opened: Opener, name: str) -> None:
    with opened(name) as seen:
        seen.page.wait_for_timeout(100)
        assert seen.said == []
        assert seen.page.locator("script").count() == 1
        assert seen.page.locator("img, iframe, object, embed, link, base, form, [onload], [onerror]").count() == 0
        assert seen.page.locator("style").count() == 1
        assert "<script>alert(1)</script>" in seen.page.locator("body").inner_text()


def test_a_script_that_is_not_the_pages_own_would_be_refused(opened: Opener) -> None:
    with opened("pass") as seen:
        seen.page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'alert(1)'; document.body.append(s) }"
        )
        assert any("Content Security Policy" in words for words in seen.said)
        assert not any(words.startswith("dialog") for words in seen.said)
