"""Signatures that a scenario specifies, for servers that do not report theirs."""

from __future__ import annotations

from collections.abc import Mapping

from perfgate.errors import UsageError
from perfgate.model.interface import Signature, TensorSpec
from perfgate.scenario.schema import Scenario, TensorInfo

_METHODS = "tensorflow/serving/"
"""Prefix of the method names of signatures."""


def written_signatures(scenario: Scenario) -> tuple[Signature, ...]:
    """Read the `signature_def` of each payload, sorted by key; UsageError if two disagree."""
    found: dict[str, Signature] = {}
    for _, _, payload in scenario.request_classes():
        if (said := payload.signature_def) is None:
            continue
        inputs, outputs = (_specs(side) for side in (said.inputs, said.outputs))
        one = Signature(payload.signature, f"{_METHODS}{payload.method}", inputs, outputs)
        if found.setdefault(one.key, one) != one:
            raise UsageError(f"two classes define signature {one.key} differently", "define it only in [payload]")
    return tuple(found[key] for key in sorted(found))


def _specs(tensors: Mapping[str, TensorInfo]) -> tuple[TensorSpec, ...]:
    shapes = {
        name: None if info.shape is None else tuple(None if size < 0 else size for size in info.shape)
        for name, info in tensors.items()
    }
    return tuple(TensorSpec(name, tensors[name].dtype, shapes[name]) for name in sorted(tensors))
