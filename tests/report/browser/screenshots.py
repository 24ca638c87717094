"""Screenshots of every page, for inspection: `python -m tests.report.browser.screenshots DIRECTORY [PAGE ...]`."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.report.browser.visit import PAGES, file_of, launch, visit

WIDTHS, SCHEMES = (400, 1200, 1600), ("light", "dark")


def main(directory: Path, names: list[str]) -> None:
    """Write each page, and a picture of it in each width, light and dark."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / f"{name}.html").unlink(missing_ok=True)  # from an earlier run
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, width, scheme in product(names, WIDTHS, SCHEMES):
            with visit(browser, file_of(name, directory).as_uri(), width=width, color_scheme=scheme) as seen:
                seen.page.screenshot(path=directory / f"{name}-{scheme}-{width}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:] or list(PAGES))
