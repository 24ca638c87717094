import pytest

from perfgate.nearest import is_near, nearest, suggestion


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


def test_of_names_that_are_equally_near_the_first_is_given() -> None:
    assert nearest("c", ["b", "a"]) == "b"


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("latency", True), ("latency_p50_s_under_load", True), ("p50", False), ("", False), ("rate", False)],
)
def test_a_name_is_near_that_goes_on_or_looks_alike(wanted: str, *, near: bool) -> None:
    assert is_near(wanted, "latency_p50_ms_under_load") is near


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("rate", "did you mean rate_rps?"),
        ("trce", "did you mean trace?"),
        ("zzz", "known: rate_rps, speed, trace"),
        ("", "known: rate_rps, speed, trace"),
    ],
)
def test_where_no_name_is_near_all_are_listed(wanted: str, expected: str) -> None:
    assert suggestion(wanted, ["trace", "rate_rps", "speed"]) == expected


def test_nothing_known_is_nothing_listed() -> None:
    assert suggestion("rate", []) == "known: "
