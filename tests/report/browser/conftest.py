"""One browser for each file of tests: a longer-lived one would leave an event loop running during other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.report.browser.visit import Opener, Visit, file_of, launch, visit


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def opened(browser: Browser, directory: Path) -> Opener:
    """Open a page by its name, from disk: `with opened("fail", width=400) as seen:`."""

    def open_page(name: str, **options: Any) -> AbstractContextManager[Visit]:
        return visit(browser, file_of(name, directory).as_uri(), **options)

    return open_page
