from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from perfgate.explain.explanation import Explanation, TensorChange
from perfgate.report.terminal.explanation import print_explanation
from perfgate.report.terminal.result import print_result
from tests.explain.samples import SAMPLES, equal_models, extra_layer, hostile, not_traced
from tests.report import example


def _printed(
    explanation: Explanation, width: int = 120, *, verbose: bool = False, colour: bool = False, encoding: str = "utf-8"
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, force_terminal=colour, _environ={"TERM": "xterm"})
    print_explanation(console, explanation, verbose=verbose)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", SAMPLES)
def test_everything_fits_the_width(name: str, width: int, verbose: bool) -> None:
    assert max(map(len, _printed(SAMPLES[name](), width, verbose=verbose).splitlines())) <= width


def test_the_change_comes_first_then_causes_in_order_then_the_sum() -> None:
    text, whole = (_printed(extra_layer(), verbose=verbose) for verbose in (False, True))
    parts = ("One execution takes", "1. Operations were added", "remedy decide whether",
             "2. TensorFlow no longer fuses", "4. Large constants", "Where the change is", "Ops that changed",
             "Tracing overhead: +2.1% [+0.8, +3.4]", "note: Intervals")  # fmt: skip
    more = (
        *parts[:6],
        "Stages of a request",
        "Tensors at the peak",
        parts[-2],
        "Saved models: 11 nodes added",
        parts[-1],
    )
    for shown, words in ((text, parts), (whole, more)):
        places = [shown.index(part) for part in words]
        assert places == sorted(places)
    assert not any(part in text for part in ("Stages of", "Tensors at", "Saved models"))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_each_part_of_the_sum_has_its_interval_in_one_line(width: int) -> None:
    lines = _printed(extra_layer(), width).splitlines()
    for part in (("added", "+0.308", "[+0.302, +0.314]"), ("rest", "+0.0025", "[-0.0035, +0.0085]"), ("sum", "+0.223")):
        assert any(line.startswith(part[0]) and all(word in line for word in part) for line in lines), part


def test_no_cause_is_an_answer_with_what_was_looked_at() -> None:
    text = _printed(equal_models())
    assert "No cause found.\nLooked at the times of 10 ops in 720 traced executions" in text
    assert "Ops that changed" not in text


def test_what_was_not_traced_has_a_reason_and_its_causes() -> None:
    text = _printed(not_traced())
    assert text.startswith("Nothing was traced, so nothing is known about times: the candidate does not load")
    assert "1. Operations that only training needs" in text
    assert "Where the change is" not in text
    assert "Tracing overhead" not in text


def test_ten_ops_are_shown_and_all_with_v() -> None:
    found = extra_layer()
    assert found.attribution
    ops = tuple(replace(op, name=f"op_{number}", significant=True) for number, op in enumerate(found.attribution.ops))
    many = replace(found, attribution=replace(found.attribution, ops=ops))
    short, whole = _printed(many, 200), _printed(many, 200, verbose=True)
    assert [short.count(f" op_{number} ") for number in (0, 9, 10, 16)] == [1, 1, 0, 0]
    assert "7 more in explain.json." in short
    assert [whole.count(f" op_{number} ") for number in (0, 9, 10, 16)] == [1, 1, 1, 1]
    assert "By type of op" in whole
    assert "By scope" in whole
    assert "By scope" not in short


def test_a_narrow_terminal_leaves_out_both_arms_times_and_not_the_change() -> None:
    line = next(line for line in _printed(extra_layer(), 80).splitlines() if line.startswith("changed MatMul"))
    assert "[+0.0126, +0.0134]" in line
    assert "0.0340 ms" not in line
    assert "0.0340 ms" in _printed(extra_layer(), 120)


def test_foreign_text_moves_no_cursor_and_is_no_markup() -> None:
    text = _printed(hostile(), verbose=True, colour=True)
    assert "\u202e" not in text
    assert "\x07" not in text
    assert "[red]" in text


def test_a_console_that_knows_few_characters_shows_the_rest_as_question_marks() -> None:
    tensor = TensorChange("variable", "größe", ("", "float32[2]"), (0, 8))
    found = replace(extra_layer(), notes=("naïve",), peak_tensors=(tensor,))
    text = _printed(found, encoding="ascii", verbose=True)
    assert "note: na?ve" in text
    assert "gr??e" in text


def test_the_verdict_has_the_first_three_causes_after_its_reasons() -> None:
    failed = example.failing()
    assert failed.judgement
    result = replace(
        failed, explanation=extra_layer(), judgement=replace(failed.judgement, reasons=("the candidate is slower",))
    )
    out = io.StringIO()
    print_result(Console(file=out, width=200), result)
    lines = out.getvalue().splitlines()
    place = lines.index("the candidate is slower")
    assert [line.partition(" in ")[0] for line in lines[place + 1 : place + 4]] == [
        "cause 1 Operations were added",
        "cause 2 TensorFlow no longer fuses operations",
        "cause 3 Operations work on larger tensors than before",
    ]
    assert "cause 4" not in out.getvalue()
