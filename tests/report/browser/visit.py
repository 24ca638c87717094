"""A page opened in a browser like a reader's, with everything that the browser reported about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Playwright

from perfgate.capacity.answer import CapacityAnswer
from perfgate.report.history.page import render_history
from perfgate.report.html.capacity import capacity_page
from perfgate.report.html.explanation import explanation_page
from perfgate.report.html.fleet import fleet_page
from perfgate.report.html.fleet_model import model_page
from perfgate.report.html.page import render_html
from perfgate.report.html.plan import plan_page
from perfgate.report.html.plan_check import check_page
from tests.capacity.answers import SAMPLES as CAPACITIES
from tests.explain.samples import SAMPLES
from tests.fleet.answers import SAMPLES as FLEETS
from tests.fleet.answers import history as fleet_history
from tests.planning.answers import CHECKS
from tests.planning.answers import SAMPLES as PLANS
from tests.report.kinds import KINDS
from tests.report.test_capacity_page import many_points, with_demand
from tests.report.test_history_page import hostile, plain, short


def _capacity(build: Callable[[], CapacityAnswer]) -> str:
    return capacity_page(with_demand(build()))


PAGES: dict[str, Callable[[], str]] = {
    **{kind: lambda build=build: render_html(build()) for kind, build in KINDS.items()},  # type: ignore[misc]
    **{f"explain_{name}": lambda build=build: explanation_page(build()) for name, build in SAMPLES.items()},  # type: ignore[misc]
    **{f"capacity_{name}": partial(_capacity, build) for name, build in CAPACITIES.items()},
    "capacity_many_points": lambda: capacity_page(many_points()),
    **{f"plan_{name}": lambda build=build: plan_page(build()) for name, build in PLANS.items()},  # type: ignore[misc]
    **{f"plan_{name}": lambda build=build: check_page(build()) for name, build in CHECKS.items()},  # type: ignore[misc]
    "fleet_failing": lambda: fleet_page(FLEETS["failing"]()),
    "fleet_many": lambda: fleet_page(FLEETS["many"]()),
    "fleet_hostile": lambda: fleet_page(FLEETS["hostile"]()),
    "fleet_model": lambda: model_page(FLEETS["failing"](), "ranker", fleet_history(FLEETS["failing"]())),
    "history": lambda: render_history(plain(), small=True),
    "history_short": lambda: render_history(short(), small=True),
    "history_hostile": lambda: render_history(hostile(), small=True),
}
"""Every page that perfgate makes, by name."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@cache
def text(name: str) -> str:
    """Render a page once for all tests."""
    return PAGES[name]()


def launch(playwright: Playwright) -> Browser:
    """Start the system's browser; without one the test is skipped, with a reason."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser here (looked for {', '.join(_PROGRAMS)}): apt-get install chromium")
    return playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))


@dataclass(frozen=True, slots=True)
class Visit:
    """An open page, and what it did."""

    page: Page
    said: list[str] = field(default_factory=list)
    """Console messages, script errors, policy violations, dialogs."""
    asked: list[str] = field(default_factory=list)
    """Requested addresses, including the page's own."""


Opener = Callable[..., AbstractContextManager[Visit]]
"""Opens a page by its name, from disk."""


@contextmanager
def visit(browser: Browser, address: str, *, width: int = 1200, **context: Any) -> Iterator[Visit]:
    """Open an address with the network off; keyword arguments are those of a browser context."""
    options = {"offline": True, "viewport": {"width": width, "height": 900}, **context}
    opened = browser.new_context(**options)
    opened.set_default_timeout(5_000)
    try:
        seen = Visit(opened.new_page())
        seen.page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
        seen.page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.on("dialog", lambda dialog: _dismiss(dialog, seen.said))
        seen.page.goto(address)
        yield seen
    finally:
        opened.close()


def _dismiss(dialog: Dialog, said: list[str]) -> None:
    said.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def file_of(name: str, directory: Path) -> Path:
    """Write the page to disk."""
    path = directory / f"{name}.html"
    if not path.exists():
        path.write_text(text(name), encoding="utf-8")
    return path
