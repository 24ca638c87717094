from __future__ import annotations

import pytest

from perfgate.errors import UsageError
from perfgate.model.interface import TensorSpec
from perfgate.payload.shapes import remedy, request_shape
from perfgate.scenario.schema import InputSpec

Shape = tuple[int | None, ...] | None


def _resolved(known: Shape, given: tuple[int, ...] | None = None) -> tuple[int, ...]:
    return request_shape(TensorSpec("x", "float32", known), InputSpec(shape=given), batch_size=8)


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [
        ((None, 3), None, (8, 3)),
        ((None,), None, (8,)),
        ((1, 3), None, (1, 3)),  # a known first dimension wins over the batch size
        ((), None, ()),
        ((0,), None, (0,)),
        ((None, None), (8, 5), (8, 5)),
        ((None, 3), (2, 3), (2, 3)),
        ((2, None, 1), (2, 0, 1), (2, 0, 1)),
        (None, (4, 4), (4, 4)),
        (None, (), ()),
    ],
)
def test_unknown_dimensions_are_filled(known: Shape, given: tuple[int, ...] | None, expected: tuple[int, ...]) -> None:
    assert _resolved(known, given) == expected


@pytest.mark.parametrize(
    ("known", "problem", "line"),
    [
        ((None, None, 3), "input x has shape [?, ?, 3]: dimensions other than the first are unknown", "[8, ?, 3]"),
        ((4, None), "input x has shape [4, ?]: dimensions other than the first are unknown", "[4, ?]"),
        (None, "input x has unknown rank", "[8, ?]"),
    ],
)
def test_dimensions_that_nobody_gives_are_asked_for(known: Shape, problem: str, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        _resolved(known)
    assert caught.value.problem == problem
    assert f"under [payload.inputs.x], write: shape = {line}, with a number" in caught.value.remedy


@pytest.mark.parametrize(
    ("known", "given", "problem"),
    [
        ((None, 3), (8,), "shape [8] does not fit the signature's [?, 3]"),
        ((None, 3), (8, 3, 1), "shape [8, 3, 1] does not fit the signature's [?, 3]"),
        ((None, 3), (8, 4), "shape [8, 4] does not fit the signature's [?, 3]"),
        ((1, 3), (8, 3), "shape [8, 3] does not fit the signature's [1, 3]"),
        ((), (1,), "shape [1] does not fit the signature's []"),
    ],
)
def test_a_shape_that_contradicts_the_signature_is_refused(known: Shape, given: tuple[int, ...], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        _resolved(known, given)
    assert caught.value.problem.startswith("input x: ")
    assert caught.value.problem.endswith(problem)


@pytest.mark.parametrize(("name", "key"), [("a-b_1", "a-b_1"), ("a.b", '"a.b"'), ('"', '"\\""'), ("", '""')])
def test_the_remedy_quotes_what_toml_must_quote(name: str, key: str) -> None:
    assert remedy(name, "low = 1") == f"in the scenario, under [payload.inputs.{key}], write: low = 1"
