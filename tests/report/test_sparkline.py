from __future__ import annotations

import numpy as np
import pytest

from perfgate.report.history.sparkline import ASCII, BLOCKS, place_in, sparkline


def test_it_rises_from_the_lowest_to_the_highest_block() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 20, "utf-8") == BLOCKS


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "no-such-encoding"])
def test_it_is_plain_letters_where_blocks_do_not_encode(encoding: str) -> None:
    line = sparkline([1, 2, 3, 4, 5, 6], 20, encoding)
    assert line == ASCII
    assert line.isascii()


def test_a_constant_is_a_flat_line() -> None:
    assert set(sparkline([3.0] * 5, 20, "utf-8")) == {"▄"}
    assert len(sparkline([3.0], 20, "utf-8")) == 1


def test_many_values_share_letters_by_their_median() -> None:
    line = sparkline([1.0, 1.0, 1.0, 9.0, 9.0, 9.0], 2, "utf-8")
    assert line == "▁█"
    assert len(sparkline(list(range(365)), 40, "utf-8")) == 40


def test_an_outlier_does_not_press_the_rest_flat() -> None:
    values = [1.0, 1.1, 1.2, 1.1, 1.0, 1.1, 1.2, 1.1, 500.0, 1.1, 1.0, 1.1, 1.2]
    assert len(set(sparkline(values, 40, "utf-8"))) > 3


@pytest.mark.parametrize(("count", "width"), [(5, 40), (40, 40), (41, 40), (365, 40), (7, 3)])
def test_the_letter_of_a_value_is_the_one_that_it_was_drawn_in(count: int, width: int) -> None:
    places = [place_in(each, count, width) for each in range(count)]
    drawn_in = np.array_split(np.arange(count), min(width, count))
    assert places == [letter for letter, members in enumerate(drawn_in) for _ in members]
