"""Where scripts or styles are blocked, pages are readable, and show nothing that does not work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser

from tests.report.browser.visit import Opener, file_of, visit

pytestmark = pytest.mark.slow

STRICT = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"
"""The policy under which Jenkins serves artifacts (its system property DirectoryBrowserSupport.CSP by default)."""

_HIDDEN = """() => [...document.querySelectorAll("main :is(p, td, th, h2, h3, svg, pre, a, summary)")]
    .filter(node => !node.closest("details:not([open]) > :not(summary)") && !node.getClientRects().length)
    .map(node => node.outerHTML.slice(0, 80))"""
_WORDS = "() => document.querySelector('main').textContent.replaceAll('.json.gz', '.json')"


class _Strict(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", STRICT)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _served(directory: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Strict, directory=directory)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fail", "invalid", "history", "capacity_two_arms", "plan_everything", "fleet_many"])
def test_without_scripts_all_is_there_and_nothing_is_dead(opened: Opener, name: str) -> None:
    with opened(name, java_script_enabled=False) as seen:
        assert seen.page.evaluate(_HIDDEN) == []
        assert seen.page.locator("button, input, dialog, .tip").count() == 0
        assert seen.page.locator("[tabindex='0']").count() == 0
        words = seen.page.evaluate(_WORDS)
    with opened(name) as seen:
        assert seen.page.evaluate(_WORDS) == words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fail", "history", "capacity_two_arms", "plan_everything"])
def test_under_a_servers_strict_policy_the_page_reads(browser: Browser, directory: Path, name: str) -> None:
    file_of(name, directory)
    with _served(directory) as server, visit(browser, f"{server}/{name}.html", offline=False) as seen:
        assert seen.asked == [f"{server}/{name}.html"]
        assert any("style" in words for words in seen.said)
        assert any("script" in words for words in seen.said)
        assert all("Content Security Policy" in words or "sandboxed" in words for words in seen.said)
        assert seen.page.evaluate("document.styleSheets.length") == 0
        assert seen.page.locator("button").count() == 0
        assert seen.page.evaluate(_HIDDEN) == []
        for svg in seen.page.locator("figure svg:not(details:not([open]) *)").all():
            box = svg.bounding_box()
            assert box
            assert box["width"] >= 480


def test_the_verdict_keeps_its_colour_and_the_charts_their_ink_without_styles(
    browser: Browser, directory: Path
) -> None:
    file_of("fail", directory)
    with _served(directory) as server, visit(browser, f"{server}/fail.html", offline=False) as seen:
        colour = "node => getComputedStyle(node).color"
        assert seen.page.locator("h1 font").evaluate(colour) == "rgb(196, 40, 28)"
        inks = seen.page.locator("figure svg [stroke]").evaluate_all(
            "nodes => [...new Set(nodes.map(node => getComputedStyle(node).stroke))]"
        )
        assert {"rgb(0, 114, 178)", "rgb(213, 94, 0)"} <= set(inks)
