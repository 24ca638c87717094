"""Memoisation of functions of columns: several metrics need the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from perfgate.stats.table import Columns

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[Concatenate[Columns, P], R]) -> Callable[Concatenate[Columns, P], R]:
    """Keep a pure function's result for some columns while these exist; its arrays must not be written to."""
    known: WeakKeyDictionary[Columns, dict[Any, R]] = WeakKeyDictionary()

    @wraps(function)
    def remembering(columns: Columns, /, *args: P.args, **kwargs: P.kwargs) -> R:
        results, key = known.setdefault(columns, {}), (args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(columns, *args, **kwargs)
        return results[key]

    return remembering
