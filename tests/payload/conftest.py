"""Short ways to write signatures and scenario payloads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perfgate.model.interface import Signature, TensorSpec

Shape = tuple[int | None, ...] | None


@pytest.fixture
def make_signature() -> Callable[..., Signature]:
    def make(**inputs: tuple[str, Shape]) -> Signature:
        specs = tuple(TensorSpec(name, dtype, shape) for name, (dtype, shape) in sorted(inputs.items()))
        return Signature("rank", "tensorflow/serving/predict", specs, ())

    return make
