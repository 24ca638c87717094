"""The part that all pages share: the templates' environment, and writing a page to disk."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import jinja2
from markupsafe import Markup, escape

from perfgate import formatting
from perfgate.report.charts.verdicts import icon
from perfgate.report.glossary import Term, terms_in
from perfgate.report.html.assets import policy, script, style
from perfgate.sanitize import printable

_SECTION = re.compile(r'<section id="([a-z-]+)"[^>]*>\s*<h2>(.*?)</h2>')


@cache
def template(name: str) -> jinja2.Template:
    """Open a template, which escapes every string and makes it printable."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perfgate.report.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(minus=minus, with_unit=formatting.with_unit)
    environment.filters.update(given=formatting.given, duration=formatting.duration)
    environment.filters.update(short_digest=formatting.short_digest)
    environment.filters.update(sections=sections, terms=terms, coded=coded)
    environment.globals.update(icon=_icon, style=style(), script=script(), policy=policy())
    return environment.get_template(name)


def sections(body: str) -> tuple[tuple[str, Markup], ...]:
    """List the linkable sections of a page's markup for its table of contents: (id, title)."""
    return tuple((name, Markup(title)) for name, title in _SECTION.findall(body))  # noqa: S704 - escaped already


def terms(body: str) -> tuple[Term, ...]:
    """List the glossary terms in a page's markup, ignoring settings and commands."""
    prose = re.sub(r"<pre>.*?</pre>", " ", body, flags=re.DOTALL)
    return terms_in(Markup(prose).striptags())  # noqa: S704 - only its text is read


def coded(text: str) -> Markup:
    """Format text between backticks as code."""
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", str(escape(printable(text)))))  # noqa: S704 - escaped before


def drawn(svg: str) -> Markup:
    """Let a chart through unescaped."""
    return Markup(svg)  # noqa: S704 - made by ElementTree, which escapes every string in it


def minus(text: str) -> str:
    """Replace a minus by a true minus sign, which is as wide as a plus; not in a date or a word."""
    return re.sub(r"(?<![\w-])-(?=\d)", "\N{MINUS SIGN}", text)


def _icon(verdict: str, size: int = 16) -> Markup:
    return drawn(ET.tostring(icon(verdict, size), encoding="unicode"))


def _shown(value: Any) -> Any:  # noqa: ANN401 - jinja passes every value of a template to this function
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
