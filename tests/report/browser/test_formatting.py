"""The page's script formats numbers like perfgate/formatting.py."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from playwright.sync_api import Browser

from perfgate import formatting
from perfgate.report.html.frame import minus

pytestmark = pytest.mark.slow

VALUES = (0.0, 0.00123456, 0.0123, 0.5, 5.0, 9.9961, 12.345, 99.94, 99.96, 100.4, 999.6, 1234567.8, -3.21987, -1234.6)
SHARES = (
    0.0,
    0.000321,
    0.0123456,
    0.05,
    0.123456,
    0.5,
    0.989,
    0.99,
    0.9987,
    0.9995,
    0.99963,
    0.99999,
    1.0,
    1.504,
    12.3,
)
CHANGES = (0.0, -0.0001, 0.0004, 0.1239, -0.0476, 0.99949, 0.9996, 1.234, -0.9999, 30.29, 12345.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "values", "texts"),
    [
        ("number", VALUES, [formatting.number(value) for value in VALUES]),
        ("share", SHARES, [formatting.share(value) for value in SHARES]),
        ("percent", CHANGES, [formatting.change(value) for value in CHANGES]),
        ("(value) => quantity(value, 'ms')", VALUES, [formatting.with_unit(value, "ms") for value in VALUES]),
        ("(value) => quantity(value, '1')", VALUES, [formatting.with_unit(value, "1") for value in VALUES]),
        ("(value) => quantity(value, 'share')", SHARES, [formatting.with_unit(value, "share") for value in SHARES]),
    ],
)
def test_the_script_writes_the_same_text(
    browser: Browser, function: str, values: tuple[float, ...], texts: list[str]
) -> None:
    script = resources.files("perfgate.report").joinpath("html/script/formatting.js").read_text(encoding="utf-8")
    page = browser.new_page()
    shown = page.evaluate(f"() => {{ {script}\nreturn {json.dumps(values)}.map((value) => ({function})(value)); }}")
    page.close()
    assert shown == [minus(text) for text in texts]
