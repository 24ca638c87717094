import pytest

from perfgate.model.nearest import nearest


@pytest.mark.parametrize(
    ("wanted", "expected"), [("servng", "serving_default"), ("rnk", "rank"), ("zzz", "serving_default")]
)
def test_the_most_similar_name_is_given_however_far(wanted: str, expected: str) -> None:
    assert nearest(wanted, ["serving_default", "rank"]) == expected


@pytest.mark.parametrize(
    ("wanted", "known", "expected"),
    [
        ("rate", ["trace", "rate_rps"], "rate_rps"),
        ("serving", ["servings", "serving_default"], "servings"),
        ("", ["a"], "a"),
    ],
)
def test_a_name_that_goes_on_is_meant_rather_than_one_that_looks_alike(
    wanted: str, known: list[str], expected: str
) -> None:
    assert nearest(wanted, known) == expected
