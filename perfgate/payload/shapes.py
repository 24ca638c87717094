"""The shape of one request's tensor, from the signature, the scenario and the batch size."""

from __future__ import annotations

import json
import re

from perfgate.errors import UsageError
from perfgate.model.interface import TensorSpec
from perfgate.scenario.schema import InputSpec


def request_shape(tensor: TensorSpec, given: InputSpec, batch_size: int) -> tuple[int, ...]:
    """Fill the unknown dimensions: from `given.shape` if set, else the first one with the batch size.

    UsageError if a dimension remains unknown, or `given.shape` contradicts the signature.
    """
    if given.shape is not None:
        _check(tensor, given.shape)
        return given.shape
    if tensor.shape is None:
        raise UsageError(f"input {tensor.name} has unknown rank", remedy(tensor.name, f"shape = [{batch_size}, ?]"))
    shape = tensor.shape
    if shape and shape[0] is None:
        shape = (batch_size, *shape[1:])
    sizes = tuple(size for size in shape if size is not None)
    if len(sizes) < len(shape):
        problem = f"input {tensor.name} has shape {shown(tensor.shape)}: dimensions other than the first are unknown"
        raise UsageError(problem, remedy(tensor.name, f"shape = {shown(shape)}"))
    return sizes


def shown(shape: tuple[int | None, ...]) -> str:
    """Format a shape: `[?, 43844, 1]`."""
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def named(name: str) -> str:
    """Format a name from a file so that it stays on one line."""
    return name if name.isprintable() else repr(name)


def remedy(name: str, line: str) -> str:
    """Return the line of a scenario file that sets an input's shape; `?` stands for a number to choose."""
    key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
    choose = ", with a number instead of each ?" if "?" in line else ""
    return f"in the scenario, under [payload.inputs.{key}], write: {line}{choose}"


def _check(tensor: TensorSpec, given: tuple[int, ...]) -> None:
    name, known = tensor.name, tensor.shape
    if known is None:
        return
    fits = len(given) == len(known) and all(a in {None, b} for a, b in zip(known, given, strict=True))
    if not fits:
        problem = f"input {name}: the scenario's shape {list(given)} does not fit the signature's {shown(known)}"
        raise UsageError(problem, remedy(name, f"shape = {shown(known)}"))
