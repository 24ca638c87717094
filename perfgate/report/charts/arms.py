"""The two arms' appearance in every chart: colour, dash and shape, so that none is needed on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfgate.report.charts.svg import BLUE, ORANGE, Element, line, marker, text
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class ArmLook:
    """The appearance of one arm."""

    name: str
    colour: str
    dash: str
    """Value of `stroke-dasharray`."""
    shape: str
    cap: str
    """Value of `stroke-linecap`: the shape of small dots."""


LOOKS: dict[str, ArmLook] = {
    Arm.BASELINE: ArmLook("baseline", BLUE, "none", "circle", "round"),
    Arm.CANDIDATE: ArmLook("candidate", ORANGE, "7 3", "square", "square"),
}


def legend(arms: Sequence[str], right: float, y: float) -> list[Element]:
    """Draw the legend in one row that ends at `right`, each arm with its line and shape."""
    parts: list[Element] = []
    for arm in reversed(arms):
        look, begin = LOOKS[arm], right - 7.4 * len(arm) - 34
        parts += [
            line(begin, y - 4, begin + 28, y - 4, stroke=look.colour, stroke_width=2, stroke_dasharray=look.dash),
            marker(look.shape, begin + 14, y - 4, 3.5, fill=look.colour),
            text(right, y, arm, anchor="end"),
        ]
        right = begin - 16
    return parts
