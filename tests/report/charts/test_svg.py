from __future__ import annotations

from xml.etree import ElementTree as ET

from perfgate.report.charts import svg


def test_a_small_chart_is_exactly_this() -> None:
    made = svg.chart("c", 'A "<title>"', "d & e", (10, 5), [svg.line(0, 1, 2.25, 3, stroke=svg.BLUE)])
    assert made == (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="c-title c-desc" width="10" height="5" '
        f'viewBox="0 0 10 5" font-family="{svg.FONT}" font-size="13" fill="currentColor">'
        '<title id="c-title">A "&lt;title&gt;"</title><desc id="c-desc">d &amp; e</desc>'
        '<line x1="0" y1="1" x2="2.25" y2="3" stroke="#0072B2" /></svg>'
    )


def test_words_and_attributes_cannot_break_out() -> None:
    nasty = '"><script>alert(1)</script>\x00\x1b\ud800'
    made = ET.tostring(svg.text(0, 0, nasty, class_=nasty), encoding="unicode")
    parsed = ET.fromstring(made)  # noqa: S314 - our own
    assert parsed.text == parsed.get("class")
    assert parsed.text
    assert parsed.text.startswith('"><script>alert(1)</script>')
    assert "<script" not in made


def test_coordinates_are_short_and_opacities_are_not_lost() -> None:
    assert [svg.number(value) for value in (1.26, 3.0, -0.01, 200.0)] == ["1.3", "3", "0", "200"]
    assert svg.element("rect", fill_opacity=0.045).get("fill-opacity") == "0.045"
