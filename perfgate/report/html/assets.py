"""A page's own style sheet and script, and the policy that permits only these two."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from markupsafe import Markup

PARTS = ("elements", "formatting", "sort", "filter", "readout", "bars", "copy", "download", "keys", "folds")
"""Files of the script in the order in which they run: the first one has the functions that the others build on."""


@cache
def style() -> Markup:
    """Return the style sheet."""
    return Markup(_text("templates/style.css"))  # noqa: S704 - our own file


@cache
def script() -> Markup:
    """Return the script: its parts concatenated, in one scope."""
    parts = "".join(_text(f"script/{part}.js") for part in PARTS)
    return Markup(f'(() => {{\n"use strict";\n{parts}}})();\n')  # noqa: S704 - our own files


def policy() -> str:
    """Return the page's Content-Security-Policy: its own style sheet and script by their hashes, and no network.

    A hash covers the text between the tags, byte by byte (CSP Level 3, 6.7.2.3).
    """
    return (
        f"default-src 'none'; style-src {_source(style())}; script-src {_source(script())};"
        " base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return resources.files("perfgate.report.html").joinpath(name).read_text(encoding="utf-8")
