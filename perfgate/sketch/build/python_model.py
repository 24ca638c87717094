"""A model from a function in a Python file, whose parameters with whole-number defaults are its dimensions."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from perfgate.errors import UsageError
from perfgate.nearest import suggestion
from perfgate.sketch.build.own_code import errors_of

_imported: dict[Path, ModuleType] = {}


def model_of(path: Path, function: str, values: Mapping[str, int], file: str) -> tuple[Any, dict[str, int], str]:
    """Call the function, by default the file's only public one; return its model, all its dimensions, and its name.

    UsageError, in one line, for everything that is wrong with the file.
    """
    name, maker = _function(_module(path, file), function, file)
    what = f"{file}: {name}"
    dimensions = _dimensions(maker, values, what)
    with errors_of(path, what):
        model = maker(**dimensions)
    if not isinstance(model, keras.Model | tf.Module):
        kind = type(model).__name__
        returned = "nothing" if model is None else f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
        raise UsageError(f"{what} returned {returned}", "return a keras.Model or a tf.Module")
    return model, dimensions, what


def _module(path: Path, file: str) -> ModuleType:
    """Import the file, once; its neighbours can be imported from it."""
    if path in _imported:
        return _imported[path]
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = path.stem if path.stem not in sys.modules else f"sketch_{path.stem}"
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_loader(name, loader)
    if spec is None:
        raise UsageError(f"{file} cannot be imported", "check its name")
    module = module_from_spec(spec)
    sys.modules[name] = module  # Keras and pickle look classes up there
    try:
        with errors_of(path, file):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _imported[path] = module
    return module


def _function(module: ModuleType, wanted: str, file: str) -> tuple[str, Callable[..., Any]]:
    public = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    if wanted:
        found = getattr(module, wanted, None)
        if not callable(found):
            near = suggestion(wanted, public) if public else "it defines no public function"
            raise UsageError(f"{file} has no function {wanted}", near)
        return wanted, found
    if not public:
        raise UsageError(f"{file} defines no public function", "define one that returns a keras.Model or a tf.Module")
    if len(public) > 1:
        raise UsageError(
            f"{file} defines several functions: {', '.join(public)}", f"write {file}:NAME, or let others begin with _"
        )
    return next(iter(public.items()))


def _dimensions(maker: Callable[..., Any], values: Mapping[str, int], what: str) -> dict[str, int]:
    try:
        parameters = inspect.signature(maker).parameters
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{what} has no parameters that can be read", "name a function that is written in Python"
        ) from error
    by_keyword = {
        name: each.default
        for name, each in parameters.items()
        if each.kind in {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    }
    defaults = {name: value for name, value in by_keyword.items() if type(value) is int}
    for name in values:
        if name in defaults:
            continue
        known = suggestion(name, defaults) if defaults else "it has no parameter with a whole number as its default"
        if name in by_keyword:
            raise UsageError(f"{what}: the default of {name} is not a whole number", known)
        raise UsageError(f"{what} takes no {name}", known)
    for name, each in parameters.items():
        variable = each.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
        if each.default is inspect.Parameter.empty and not variable:
            raise UsageError(f"{what}: {name} has no default", "give every parameter a default")
    return {**defaults, **values}
