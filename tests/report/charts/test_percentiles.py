from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from perfgate.formatting import share as percent
from perfgate.report.charts.percentiles import HEIGHT, WIDTH, last_share, percentiles
from perfgate.stats.summary import Curve

_SVG = "{http://www.w3.org/2000/svg}"


def _curve(requests: int, arm: str = "candidate", *, stretch: float = 1.0) -> Curve:
    share = np.arange(1, requests + 1) / requests
    return Curve(arm, requests, tuple((10 + stretch * share).tolist()), tuple(share.tolist()))


def _root(*curves: Curve) -> ET.Element:
    return ET.fromstring(percentiles(curves))  # noqa: S314 - our own


def _words(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{_SVG}text")]


def _points(root: ET.Element) -> list[tuple[float, float]]:
    (line,) = root.iter(f"{_SVG}polyline")
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.get("points", "").split())]


@pytest.mark.parametrize(("requests", "last"), [(21, 11 / 21), (1000, 0.99), (20_000, 0.9995)])
def test_the_curve_ends_where_ten_requests_are_slower(requests: int, last: float) -> None:
    curve = _curve(requests)
    assert last_share(curve) == pytest.approx(last)
    points = _points(_root(curve))
    assert points[-1][0] == max(x for x, _ in points) <= WIDTH
    assert f"ends at {percent(last)} of {requests:,} requests" in (_root(curve)[1].text or "")


@pytest.mark.slow
def test_every_nine_has_the_same_room() -> None:
    root = _root(_curve(100_000))
    at = {
        node.text: float(node.get("x", "nan")) for node in root.iter(f"{_SVG}text") if (node.text or "").endswith("%")
    }
    steps = np.diff([at["0%"], at["90%"], at["99%"], at["99.9%"], at["99.99%"]])
    assert steps == pytest.approx([steps[0]] * 4, abs=0.01)
    assert "99.999%" not in at


def test_marks_and_description_name_no_percentile_beyond_the_end() -> None:
    root = _root(_curve(400))
    assert root[1].text == "candidate: p50 10.5 ms, p90 10.9 ms; the curve ends at 97.5% of 400 requests"
    assert "99%" not in _words(root)


@pytest.mark.parametrize("requests", [0, 1, 20])
def test_too_few_requests_are_no_picture(requests: int) -> None:
    assert percentiles([_curve(requests)]) == ""
    assert percentiles([]) == ""


def test_an_arm_with_too_few_requests_leaves_the_other() -> None:
    assert "baseline" not in _words(_root(_curve(12, "baseline"), _curve(400)))


@pytest.mark.parametrize("stretch", [0.0, 1.0, 1e4])
def test_all_lies_within_the_frame(stretch: float) -> None:
    for x, y in _points(_root(_curve(500, stretch=stretch))):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_requests_that_got_no_answer_leave_their_share_undrawn() -> None:
    whole = _curve(1000)
    half = Curve("candidate", 1000, whole.latency_ms[:600], whole.share[:600])
    assert last_share(half) == 0.6
