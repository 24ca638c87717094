"""Attributes from which the script reads values off a chart: its scales, and the arm of each line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfgate.report.charts.axes import Area, AxisScale
from perfgate.report.charts.svg import Element, element


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale and what it measures."""

    scale: AxisScale
    unit: str
    """Unit; `share` is shown in percent."""
    is_nines: bool = False
    """Whether positions are -log10(1 - share)."""
    names: Sequence[str] = ()
    """Names of the whole numbers from 0 on, for an axis of categories."""


def plot(area: Area, x: Axis, y: Axis, parts: Iterable[Element], *, name: str = "") -> Element:
    """Put everything drawn in an area into a group that carries both axes.

    Values are read at a position on the horizontal axis, from the points of the polylines and dots that have
    `data_series`, the name of an arm. Coordinates have a tenth of a pixel, so a value is exact to about 1/2000 of its
    axis.
    """
    ground = element(
        "rect", x=area.left, y=area.top, width=area.right - area.left, height=area.bottom - area.top,
        fill="none", pointer_events="all",
    )  # fmt: skip
    return element(
        "g",
        ground,
        *parts,
        data_name=name or None,
        data_x=_words(x),
        data_x_unit=x.unit,
        data_x_names=" ".join(x.names) or None,
        data_y=_words(y),
        data_y_unit=y.unit,
    )


def _words(axis: Axis) -> str:
    scale = axis.scale
    kind = "nines" if axis.is_nines else "log" if scale.log else "linear"
    return f"{scale.low:.10g} {scale.high:.10g} {scale.start:.10g} {scale.end:.10g} {kind}"
