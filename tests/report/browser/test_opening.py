"""Every page opens from a disk, says nothing to the console, and asks for nothing."""

from __future__ import annotations

import pytest

from tests.report.browser.visit import PAGES, Opener


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_the_disk_with_the_network_off(opened: Opener, name: str) -> None:
    with opened(name) as seen:
        assert seen.said == []
        assert [address.partition(":")[0] for address in seen.asked] == ["file"]
        assert seen.page.locator("main").is_visible()
