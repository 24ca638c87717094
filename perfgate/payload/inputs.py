"""Match the scenario's input settings to a signature's inputs, by name or by a pattern of names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from perfgate.errors import UsageError
from perfgate.model.interface import Signature, TensorSpec
from perfgate.nearest import nearest
from perfgate.payload.shapes import named
from perfgate.scenario.schema import InputSpec, Payload

_UNSAID = InputSpec()


@dataclass(frozen=True, slots=True)
class Filled:
    """One input, with its settings."""

    tensor: TensorSpec
    key: str
    """Key that is the same in both versions: its name, or the pattern of which it is the nth match: `keras_tensor*`."""
    spec: InputSpec


def filled_inputs(signature: Signature, payload: Payload) -> tuple[Filled, ...]:
    """Match inputs to the keys of `payload.inputs`: names before patterns, and the first of several patterns.

    Patterns are the shell's (`fnmatch`): some exporters number their inputs, and the number changes from one export to
    the next. UsageError for a key that matches no input.
    """
    taken: dict[str, int] = {}
    found = tuple(_filled(tensor, payload, taken) for tensor in _in_order(signature))
    for key in payload.inputs:
        if key not in taken:
            raise _stray(key, signature)
    by_name = {each.tensor.name: each for each in found}
    return tuple(by_name[tensor.name] for tensor in signature.inputs)


def _filled(tensor: TensorSpec, payload: Payload, taken: dict[str, int]) -> Filled:
    fitting = (key for key in payload.inputs if key != tensor.name and fnmatchcase(tensor.name, key))
    key = tensor.name if tensor.name in payload.inputs else next(fitting, None)
    if key is None:
        return Filled(tensor, tensor.name, _UNSAID)
    before = taken.get(key, 0)
    taken[key] = before + 1
    return Filled(tensor, f"{key} {before + 1}" if before else key, payload.inputs[key])


def _in_order(signature: Signature) -> list[TensorSpec]:
    """Sort naturally, `x_9` before `x_10`, so that the nth inputs of two versions correspond."""
    return sorted(signature.inputs, key=lambda tensor: _counted(tensor.name))


def _counted(name: str) -> list[str | int]:
    parts = re.split(r"([0-9]+)", name)  # text and numbers alternate, so that only like is compared with like
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _stray(key: str, signature: Signature) -> UsageError:
    known = [tensor.name for tensor in signature.inputs]
    problem = f"signature {signature.key} has no input {named(key)}"
    if not known:
        return UsageError(problem, "it has none")
    near, stem = nearest(key, known), re.sub(r"_?[0-9]*$", "", key)
    numbered = stem and re.fullmatch(rf"{re.escape(stem)}_?[0-9]*", near)
    pattern = f'; if only its number changes, write "{named(stem)}*"' if numbered else ""
    return UsageError(problem, f"did you mean {named(near)}? inputs: {', '.join(map(named, known))}{pattern}")
