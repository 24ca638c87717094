"""Static SVG: elements that escape their content, and the frame of every chart."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from perfgate.sanitize import one_line

Element = ET.Element

FONT_SIZE = 13
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
BLUE, ORANGE = "#0072B2", "#D55E00"
"""Okabe and Ito's blue and vermilion: distinct for every kind of colour vision, legible on white and on black."""


def element(tag: str, *children: Element | str, **attributes: str | float | None) -> Element:
    """Make an element; `stroke_width` means `stroke-width`, `class_` means `class`; None omits an attribute."""
    node = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            words = one_line(value) if isinstance(value, str) else f"{round(value, 3) + 0.0:.10g}"
            node.set(name.strip("_").replace("_", "-"), words)
    for child in children:
        if isinstance(child, str):
            node.text = (node.text or "") + one_line(child)
        else:
            node.append(child)
    return node


def text(
    x: float, y: float, words: str, *, anchor: str = "start", faint: bool = False, **more: str | float | None
) -> Element:
    """Draw text in the page's own colour; faint for axes and units."""
    opacity = 0.65 if faint else None
    return element("text", words, x=x, y=y, text_anchor=anchor, fill_opacity=opacity, **more)


def line(x1: float, y1: float, x2: float, y2: float, **style: str | float | None) -> Element:
    """Draw a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **style)


def path(x: NDArray[np.float64], y: NDArray[np.float64], **style: str | float | None) -> Element:
    """Draw a polyline through the points."""
    points = " ".join(f"{number(a)},{number(b)}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return element("polyline", points=points, fill="none", **style)


def dots(x: NDArray[np.float64], y: NDArray[np.float64], **style: str | float | None) -> Element:
    """Draw many points as one path of zero-length strokes; the line cap (`round`, `square`) is their shape."""
    strokes = "".join(f"M{number(a)} {number(b)}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return element("path", d=strokes, fill="none", **style)


def marker(shape: str, x: float, y: float, radius: float, **style: str | float | None) -> Element:
    """Draw one `circle`, `square`, `diamond` or `triangle` (pointing up)."""
    r = radius
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=r, **style)
    corners = {
        "square": ((-r, -r), (r, -r), (r, r), (-r, r)),
        "diamond": ((0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)),
        "triangle": ((0, -r), (r, r), (-r, r)),
    }[shape]
    return element("polygon", points=" ".join(f"{number(x + a)},{number(y + b)}" for a, b in corners), **style)


def number(value: float) -> str:
    """Format a coordinate with a tenth of a pixel; more digits would only add bytes."""
    return f"{round(value, 1) + 0.0:.10g}"


def chart(slug: str, title: str, description: str, size: tuple[float, float], children: Iterable[Element]) -> str:
    """Put elements into one SVG with a title and a description for screen readers; `slug` makes its ids."""
    width, height = size
    ids = f"{slug}-title {slug}-desc"
    root = element(
        "svg",
        element("title", title, id=f"{slug}-title"),
        element("desc", description, id=f"{slug}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=ids,
        width=width,
        height=height,
        viewBox=f"0 0 {number(width)} {number(height)}",
        font_family=FONT,
        font_size=FONT_SIZE,
        fill="currentColor",
    )
    return ET.tostring(root, encoding="unicode")
