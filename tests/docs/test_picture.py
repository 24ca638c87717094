"""The picture of the data flow is readable, and names existing packages."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.docs.pages import ROOT

PICTURE = ROOT / "docs" / "explanation" / "pictures" / "data-flow.svg"
SVG = "{http://www.w3.org/2000/svg}"
FILE = ET.fromstring(PICTURE.read_text(encoding="utf-8"))  # noqa: S314 - our own


def test_its_rooms_are_rooms() -> None:
    rooms = [name for text in FILE.iter(f"{SVG}text") if text.get("class") == "room" for name in str(text.text).split()]
    assert len(rooms) > 8
    assert [name for name in rooms if not (ROOT / "perfgate" / name).exists()] == []


def test_it_says_in_words_what_it_shows() -> None:
    assert FILE.get("role") == "img"
    named = {each.get("id"): str(each.text) for each in (*FILE.iter(f"{SVG}title"), *FILE.iter(f"{SVG}desc"))}
    assert all(len(named[name].split()) > 4 for name in str(FILE.get("aria-labelledby")).split())
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    assert re.search(r"!\[How data flows[^\]]+\]\(pictures/data-flow\.svg\)", page)


def test_its_texts_stay_in_the_picture() -> None:
    _, _, width, height = map(float, str(FILE.get("viewBox")).split())
    for text in FILE.iter(f"{SVG}text"):
        assert 0 < float(str(text.get("x"))) < width
        assert 0 < float(str(text.get("y"))) < height
