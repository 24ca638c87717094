"""The appearance of a verdict: a colour and a shape besides its word."""

from __future__ import annotations

from perfgate.report.charts.svg import Element, element, marker

COLOURS = {
    "pass": "#00795B",
    "fail": "#C4281C",
    "inconclusive": "#9A6700",
    "invalid": "#6E6E78",
    "warn": "#9A6700",
    "accepted": "#00795B",
    "interrupted": "#6E6E78",
    "running": "#6E6E78",
}
"""Contrast of at least 4.5:1 on white; the style sheet has lighter ones for dark pages."""

SHAPES = {
    "pass": "circle",
    "fail": "diamond",
    "inconclusive": "circle",
    "invalid": "triangle",
    "warn": "diamond",
    "accepted": "circle",
}

_STROKES = {
    "pass": "M5 8.4l2.2 2.2 4-4.6",
    "fail": "M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2",
    "inconclusive": "M5.9 6.2a2.1 2.1 0 1 1 3.2 1.8c-.8.5-1.1.8-1.1 1.6M8 11.8v.1",
    "invalid": "M8 4.4v4.4M8 11.4v.1",
    "warn": "M8 4.4v4.4M8 11.4v.1",
    "accepted": "M5 6.2h6M5 9.8h6",
}


def icon(verdict: str, size: int) -> Element:
    """Draw a disc with a tick, a cross, a question mark, an exclamation mark, two bars or, by default, a dash."""
    colour = COLOURS.get(verdict, COLOURS["invalid"])
    return element(
        "svg",
        marker("circle", 8, 8, 8, fill=colour, class_="disc"),
        element(
            "path",
            d=_STROKES.get(verdict, "M5 8h6"),
            fill="none",
            stroke="#FFFFFF",
            stroke_width="1.7",
            stroke_linecap="round",
            stroke_linejoin="round",
        ),
        xmlns="http://www.w3.org/2000/svg",
        class_=f"icon {verdict}",
        aria_hidden="true",
        width=size,
        height=size,
        viewBox="0 0 16 16",
    )
