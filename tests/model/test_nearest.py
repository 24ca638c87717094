import pytest

from perfgate.model.nearest import nearest


@pytest.mark.parametrize(
    ("wanted", "expected"), [("servng", "serving_default"), ("rnk", "rank"), ("zzz", "serving_default")]
)
def test_the_most_similar_name_is_given_however_far(wanted: str, expected: str) -> None:
    assert nearest(wanted, ["serving_default", "rank"]) == expected
