"""Features of the script: sorting, copying, shortcuts, values of charts, an uncompressed file to save."""

from __future__ import annotations

import gzip
import math
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from perfgate.report.charts.ecdf import at_share
from perfgate.results.document import to_json
from tests.report.browser.visit import Opener
from tests.report.kinds import KINDS

pytestmark = pytest.mark.slow

_FOCUS = "document.activeElement"
_NO_CLIPBOARD = """() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
    document.execCommand = () => false;
}"""


def _column(table: Locator, place: int) -> list[str]:
    cells = table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()
    return [words.split("\n")[0].replace("\N{MINUS SIGN}", "-") for words in cells]


def _number(words: str) -> float:
    return math.nan if words == "n/a" else float(words.partition("%")[0].partition(" ")[0].replace(",", ""))


def _sort(table: Locator, title: str) -> str | None:
    header = table.locator("th", has=table.page.get_by_role("button", name=title, exact=True))
    header.locator("button").click()
    return header.get_attribute("aria-sort")


@pytest.mark.slow
def test_a_click_on_a_title_sorts_numbers_as_numbers_then_turns_then_restores(opened: Opener) -> None:
    with opened("fail") as seen:
        table = seen.page.locator("#gate table").first
        before = _column(table, 3)
        assert _sort(table, "change") == "ascending"
        assert [_number(each) for each in _column(table, 3)] == sorted(map(_number, before))
        assert seen.page.get_by_role("status").inner_text() == "sorted by change, ascending"
        assert _sort(table, "change") == "descending"
        assert [_number(each) for each in _column(table, 3)] == sorted(map(_number, before), reverse=True)
        assert _sort(table, "change") is None
        assert _column(table, 3) == before


def test_gated_and_other_metrics_are_sorted_apart(opened: Opener) -> None:
    with opened("fail") as seen:
        gated, others = seen.page.locator("#gate table").all()
        seen.page.locator("summary", has_text="not gated").click()
        names = _column(gated, 2), _column(others, 2)
        _sort(others, "metric")
        assert _column(others, 2) == sorted(names[1])
        assert _column(gated, 2) == names[0]


@pytest.mark.slow
def test_values_in_different_units_are_sorted_within_their_unit_and_missing_ones_last(opened: Opener) -> None:
    with opened("one_replica") as seen:
        table = seen.page.locator("#gate table").last
        seen.page.locator("summary", has_text="not gated").click()
        before = _column(table, 2)
        _sort(table, "baseline")
        units = [words.split(" ")[-1] for words in _column(table, 7)]
        assert [unit for unit, _ in groupby(units)] == list(dict.fromkeys(units))
        values = [_number(words) for words in _column(table, 7)]
        assert all(a <= b for (a, u), (b, v) in pairwise(zip(values, units, strict=True)) if u == v)
        _sort(table, "detectable in 4 of 5")
        assert set(_column(table, 6)) == {"n/a"}
        assert _column(table, 2) == before


@pytest.mark.slow
def test_words_are_sorted_as_words_and_times_by_their_length(opened: Opener) -> None:
    with opened("fail") as seen:
        table = seen.page.locator("#replicas table")
        seen.page.locator("#replicas summary").click()
        _sort(table, "arm")
        arms = _column(table, 2)
        assert arms == sorted(arms)
        _sort(table, "load time")
        times = [_number(words) for words in _column(table, 5)]
        assert times == sorted(times)


@pytest.mark.slow
def test_the_keyboard_reaches_and_sorts_a_table_with_visible_focus(opened: Opener) -> None:
    with opened("fail") as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate(f"{_FOCUS}.textContent") == "Skip to the numbers"
        assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
        page.keyboard.press("Enter")
        assert page.evaluate(f"{_FOCUS}.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate(f"{_FOCUS}.textContent") == "verdict"
        page.keyboard.press("Tab")
        assert page.evaluate(f"{_FOCUS}.textContent") == "metric"
        assert page.evaluate(f"getComputedStyle({_FOCUS}).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        names = _column(page.locator("#gate table").first, 2)
        assert names == sorted(names)
        assert page.evaluate(f"{_FOCUS}.textContent") == "metric"


def test_every_control_can_be_reached_in_the_pages_order(opened: Opener) -> None:
    with opened("history") as seen:
        controls = "document.querySelectorAll('a, button:not(dialog *), summary, svg[tabindex]')"
        wanted = seen.page.evaluate(f"{controls}.length")
        places = []
        for _ in range(wanted):
            seen.page.keyboard.press("Tab")
            places.append(seen.page.evaluate(f"[...document.querySelectorAll('*')].indexOf({_FOCUS})"))
        assert places == sorted(set(places))


def test_single_keys_visit_sections_and_open_folds(opened: Opener) -> None:
    with opened("fail") as seen:
        page = seen.page
        page.keyboard.press("j")
        assert page.evaluate(f"{_FOCUS}.textContent") == "The gate"
        page.keyboard.press("j")
        assert page.evaluate(f"{_FOCUS}.textContent") == "Objectives"
        page.keyboard.press("k")
        assert page.evaluate(f"{_FOCUS}.textContent") == "The gate"
        page.keyboard.press("o")
        assert page.locator("details:not([open])").count() == 0
        page.keyboard.press("o")
        assert page.locator("details[open]").count() == 0


@pytest.mark.slow
def test_the_list_of_keys_opens_closes_and_switches_them_off(opened: Opener) -> None:
    with opened("fail") as seen:
        page = seen.page
        page.keyboard.press("?")
        assert page.get_by_role("dialog", name="Keys").is_visible()
        page.get_by_label("enable single-key shortcuts").uncheck()
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog", name="Keys").is_visible()
        page.keyboard.press("j")
        assert page.evaluate(f"{_FOCUS}.tagName") != "H2"
        page.get_by_role("button", name="Keys (?)").click()
        assert page.get_by_role("dialog", name="Keys").is_visible()


@pytest.mark.slow
def test_the_command_and_the_deciding_numbers_are_copied(opened: Opener) -> None:
    with opened("fail", permissions=["clipboard-read", "clipboard-write"]) as seen:
        seen.page.get_by_role("button", name="Copy the command").click()
        assert seen.page.evaluate("navigator.clipboard.readText()") == (
            "perfgate compare models/ranker/1 models/ranker/2 --seed 2"
        )
        seen.page.get_by_role("button", name="Copy the deciding numbers").click()
        judgement = KINDS["fail"]().judgement
        assert judgement
        assert seen.page.evaluate("navigator.clipboard.readText()") == judgement.headline
        assert seen.page.get_by_role("status").inner_text() == "Copied"


def test_where_the_clipboard_is_out_of_reach_the_words_are_selected(opened: Opener) -> None:
    with opened("fail") as seen:
        seen.page.evaluate(_NO_CLIPBOARD)
        seen.page.get_by_role("button", name="Copy the command").click()
        assert seen.page.get_by_role("status").inner_text() == "Selected: press Ctrl+C"
        assert seen.page.evaluate("getSelection().toString()").startswith("perfgate compare")


@pytest.mark.slow
@pytest.mark.parametrize(("scripts", "name"), [(True, "result.json"), (False, "result.json.gz")])
def test_the_result_is_saved_from_the_page(opened: Opener, tmp_path: Path, scripts: bool, name: str) -> None:
    with opened("fail", java_script_enabled=scripts) as seen:
        with seen.page.expect_download() as saving:
            seen.page.get_by_role("link", name=name, exact=True).click()
        saving.value.save_as(tmp_path / name)
        assert saving.value.suggested_filename == name
        held = (tmp_path / name).read_bytes()
        assert seen.said == []
    assert (held if scripts else gzip.decompress(held)).decode() == to_json(KINDS["fail"]())


def _tip_text(page: Page) -> str:
    return " ".join(page.locator(".tip").inner_text().split())


def test_the_pointer_reads_both_arms_off_a_chart(opened: Opener) -> None:
    with opened("fail") as seen:
        chart = seen.page.locator("svg[aria-labelledby^='ecdf']")
        chart.scroll_into_view_if_needed()
        assert not seen.page.locator(".tip").is_visible()
        chart.hover()
        assert seen.page.locator(".tip").is_visible()
        assert "baseline candidate" in _tip_text(seen.page)
        seen.page.mouse.move(0, 0)
        assert not seen.page.locator(".tip").is_visible()
        assert chart.locator("g[pointer-events='none'] > *").count() == 0


def test_the_arrow_keys_read_a_chart_point_by_point(opened: Opener) -> None:
    curves = {curve.arm: curve for curve in KINDS["fail"]().curves}
    slowest = max(curve.latency_ms[-1] for curve in curves.values())
    with opened("fail") as seen:
        chart, said = seen.page.locator("svg[aria-labelledby^='ecdf']"), seen.page.get_by_role("status")
        chart.focus()
        seen.page.keyboard.press("End")
        at, _, values = said.inner_text().partition(": ")
        assert at == f"{slowest:#.3g} ms"
        assert "candidate 100" in values
        seen.page.keyboard.press("ArrowLeft")
        assert said.inner_text() != f"{at}: {values}"
        seen.page.keyboard.press("Home")
        assert said.inner_text().endswith("baseline 0%, candidate 0%")
        seen.page.keyboard.press("Escape")
        assert not seen.page.locator(".tip").is_visible()


def test_the_chart_of_percentiles_shows_times_and_their_change(opened: Opener) -> None:
    curves = {curve.arm: curve for curve in KINDS["long"]().curves}
    with opened("long") as seen:
        chart = seen.page.locator("svg[aria-labelledby^='percentiles']")
        chart.focus()
        seen.page.keyboard.press("End")
        at, *words = _tip_text(seen.page).split(" ")
        assert at == "99.999%"
        old, young = (at_share(curves[arm], 1 - 1e-5) for arm in ("baseline", "candidate"))
        assert words[3::2] == ["ms", "ms"]
        tenth_of_a_pixel = 0.005
        assert [float(words[2]), float(words[4])] == pytest.approx([old, young], rel=tenth_of_a_pixel)
        assert float(words[6].rstrip("%")) == pytest.approx(100 * (young / old - 1), abs=0.5)


def test_the_chart_of_the_run_shows_every_quantity_at_one_time(opened: Opener) -> None:
    with opened("fail") as seen:
        seen.page.locator("svg[aria-labelledby^='aligned']").focus()
        seen.page.keyboard.press("End")
        lines = seen.page.locator(".tip tr").all_inner_texts()
        assert len(lines) >= 4
        assert len({line.split("\t")[0] for line in lines}) == len(lines)


def test_the_curve_of_a_capacity_is_read_rate_by_rate(opened: Opener) -> None:
    with opened("capacity_two_arms") as seen:
        said = seen.page.get_by_role("status")
        for chart, first in (("capacity", "p50 baseline"), ("misses", "baseline")):
            seen.page.locator(f"svg[aria-labelledby^='{chart}']").focus()
            seen.page.keyboard.press("End")
            at, _, values = said.inner_text().partition(": ")
            assert at == "640 1/s"
            assert values.startswith(first)
            assert "candidate" in values


def test_a_history_is_read_record_by_record(opened: Opener) -> None:
    with opened("history") as seen:
        seen.page.locator("figure svg").first.focus()
        seen.page.keyboard.press("Home")
        assert seen.page.get_by_role("status").inner_text().startswith("2026-01-03: record 2.0")


def test_bars_are_read_with_the_pointer_and_with_the_arrow_keys(opened: Opener) -> None:
    with opened("explain_extra_layer") as seen:
        chart, said = seen.page.locator("svg[aria-labelledby^='flame']"), seen.page.get_by_role("status")
        chart.locator(".bar").first.hover()
        assert _tip_text(seen.page) == "execution: baseline 1.73 ms, candidate 1.96 ms, +0.223 ms [+0.208, +0.239]"
        seen.page.mouse.move(0, 0)
        assert not seen.page.locator(".tip").is_visible()
        chart.focus()
        seen.page.keyboard.press("Home")
        assert said.inner_text().startswith("execution: ")
        seen.page.keyboard.press("ArrowRight")
        assert said.inner_text().startswith("ranker/tower: ")
        assert chart.locator(".now").count() == 1
        seen.page.keyboard.press("Escape")
        assert chart.locator(".now").count() == 0
        assert seen.said == []


def test_bars_name_themselves_without_the_script(opened: Opener) -> None:
    with opened("explain_extra_layer", java_script_enabled=False) as seen:
        assert seen.page.locator("svg .bar > title").count() > 20


def test_the_table_of_ops_is_sorted(opened: Opener) -> None:
    with opened("explain_extra_layer") as seen:
        table = seen.page.locator("h3:text-is('Ops that changed') + .scroll table")
        assert _sort(table, "change") == "ascending"
        assert [_number(each) for each in _column(table, 6)] == sorted(_number(each) for each in _column(table, 6))
        assert _column(table, 2)[0] == "_FusedMatMul"


@pytest.mark.slow
def test_a_long_table_of_gates_shows_those_that_contain_all_words(opened: Opener) -> None:
    with opened("fleet_many") as seen:
        field, rows = seen.page.get_by_role("searchbox"), seen.page.locator("#gates tbody tr:visible")
        assert rows.count() == 60
        field.fill("night  FAIL")
        assert 0 < rows.count() < 33
        assert {"fail"} == {words.strip() for words in rows.locator(".verdict").all_inner_texts()}
        assert {"night"} == set(rows.locator("td:nth-child(3)").all_inner_texts())
        assert seen.page.get_by_role("status").inner_text() == f"{rows.count()} of 60 rows"
        field.fill("")
        assert rows.count() == 60
    with opened("fleet_failing") as seen:
        assert seen.page.get_by_role("searchbox").count() == 0
