"""Number of points of each series on a page, read back from its pictures."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_SVG = "{http://www.w3.org/2000/svg}"
_PICTURE = re.compile(r'<svg [^>]*role="img".*?</svg>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture."""

    title: str
    size_bytes: int
    series: int
    """Lines and clouds of dots."""
    most_points: int
    """Points of a series."""


def charts_of(page: str) -> tuple[Chart, ...]:
    """List the charts of a page."""
    return tuple(_chart(picture) for picture in _PICTURE.findall(page))


def _chart(picture: str) -> Chart:
    root = ET.fromstring(picture)  # noqa: S314 - our own
    points = [count for node in root.iter() if (count := _points(node)) > 1]
    single = Counter(node.tag for node in root.iter() if node.tag in {f"{_SVG}circle", f"{_SVG}polygon"})
    most = max([*points, *single.values()], default=0)
    return Chart(root[0].text or "", len(picture.encode()), len(points), most)


def _points(node: ET.Element) -> int:
    if node.tag == f"{_SVG}polyline":
        return node.get("points", "").count(",")
    return node.get("d", "").count("h0") if node.tag == f"{_SVG}path" else 0
