from __future__ import annotations

import pytest

from perfgate.capacity.amounts import headroom_in, price_in, rate_in
from perfgate.errors import UsageError


@pytest.mark.parametrize(
    ("text", "rate_rps"),
    [
        ("300000", 3e5), ("300,000", 3e5), ("1.5k", 1500.0), ("2K", 2000.0), ("20M", 2e7), (" 0.2 M ", 2e5),
        ("1G", 1e9), (".5", 0.5), ("7.", 7.0), ("1,234.5", 1234.5),
    ],
)  # fmt: skip
def test_a_rate_can_be_written_short(text: str, rate_rps: float) -> None:
    assert rate_in(text, "--demand") == pytest.approx(rate_rps)


@pytest.mark.parametrize(
    "text",
    ["", ".", "k", "0", "0k", "-5", "20 apples", "20m", "1e6", "nan", "inf", "1,2", "12,34", "1,0000", "٣", "999999G",
     "20\nM apples", "9" * 400],
)  # fmt: skip
def test_what_is_no_rate_is_a_usage_error_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"--demand: .* is not a rate") as caught:
        rate_in(text, "--demand")
    assert "\n" not in caught.value.in_a_line
    assert "requests per second" in caught.value.remedy
    assert len(caught.value.problem) < 80


@pytest.mark.parametrize(("text", "share"), [("30%", 0.3), ("0", 0.0), ("0%", 0.0), ("0.3", 0.3), ("99.9%", 0.999)])
def test_headroom_is_a_share(text: str, share: float) -> None:
    assert headroom_in(text, "--headroom") == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "why"),
    [("100%", "leaves no capacity"), ("30", "leaves no capacity"), ("-1%", "is not a share"), ("a lot", "is not a")],
)
def test_headroom_must_leave_some_capacity(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        headroom_in(text, "--headroom")
    assert '"30%"' in caught.value.remedy


def test_a_price_is_a_number_of_any_currency() -> None:
    assert (price_in("0.34", "--cost"), price_in("0", "--cost")) == (0.34, 0.0)
    for text in ("-1", "$3", "free", "nan", "9" * 400):
        with pytest.raises(UsageError, match=r"--cost: .* is not a price"):
            price_in(text, "--cost")
