"""What `--tune` found, on a terminal, on the page and in the document."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.tuning_words import tuning_lines
from perfgate.report.html.capacity import capacity_page
from perfgate.report.terminal.capacity import print_capacity
from perfgate.results.capacity_document import from_json, to_json
from tests.capacity.answers import one_arm
from tests.capacity.tuned import tuned


def _printed(answer: CapacityAnswer, width: int = 120) -> str:
    stream = io.StringIO()
    print_capacity(Console(file=stream, width=width, _environ={}), answer, verbose=False)
    return stream.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_everything_fits_the_width(width: int) -> None:
    text = _printed(tuned(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text


def test_every_sentence_is_printed_and_on_the_page() -> None:
    answer = tuned()
    assert answer.tuning is not None
    words, page = " ".join(_printed(answer).split()), capacity_page(answer)
    for line in tuning_lines(answer.tuning):
        assert line in words
    assert "beats the current settings by" in page
    assert "winner&#39;s curse" in page or "winner's curse" in page


def test_what_to_paste_is_printed_as_it_is() -> None:
    text, page = _printed(tuned()), capacity_page(tuned())
    for line in ("max_batch_size { value: 128 }", "[server]", "intra_op_threads = 1"):
        assert line in text.splitlines()
        assert line in page


def test_a_servers_words_are_escaped() -> None:
    assert "\x1b" not in capacity_page(tuned())
    answer = tuned()
    assert answer.tuning is not None
    bad = replace(answer.tuning.settings[-1], problem="<script>alert(1)</script>")
    page = capacity_page(replace(answer, tuning=replace(answer.tuning, settings=(bad,))))
    assert "<script>alert(1)" not in page


def test_without_tune_nothing_is_said_of_it() -> None:
    assert "Settings that were tried" not in _printed(one_arm())
    assert 'id="settings"' not in capacity_page(one_arm())


def test_the_document_is_read_as_it_was_written() -> None:
    answer = tuned()
    assert to_json(from_json(to_json(answer))) == to_json(answer)
    again = from_json(to_json(answer)).tuning
    assert again is not None
    assert answer.tuning is not None
    assert again.settings[:3] == answer.tuning.settings[:3]
    assert again.settings[2].p99_upper_ms == float("inf")
    assert again.compared == replace(answer.tuning.compared, current=again.compared.current, other=again.compared.other)  # type: ignore[type-var, union-attr]


def test_documents_from_before_have_none() -> None:
    text = to_json(one_arm()).replace(' "tuning": null', ' "later": null')
    assert from_json(text).tuning is None
