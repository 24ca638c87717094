from __future__ import annotations

import gc
from weakref import ref

from perfgate.stats.memoize import remembered
from perfgate.stats.table import Columns, TrialTable
from tests.stats.build import execute_trials


def _columns() -> Columns:
    return TrialTable.of(execute_trials(2, 2, lambda *_: 1.0)).columns


def test_what_was_computed_of_the_same_columns_is_kept() -> None:
    calls: list[str] = []

    @remembered
    def count(columns: Columns, what: str = "") -> int:
        calls.append(what)
        return columns.block.size

    first, second = _columns(), _columns()
    assert [count(first, "a"), count(first, "a"), count(first, what="b"), count(second, "a")] == [8, 8, 8, 8]
    assert calls == ["a", "b", "a"]


def test_it_is_forgotten_with_the_columns() -> None:
    @remembered
    def doubled(columns: Columns) -> set[int]:
        return set(columns.block.tolist())

    columns = _columns()
    result, gone = ref(doubled(columns)), ref(columns)
    assert doubled(columns) is result()
    del columns
    gc.collect()
    assert gone() is None
    assert result() is None
