import pytest
from pydantic import ValidationError

from perfgate.scenario.schema import Gate, Load, MetricGate, Scenario


@pytest.mark.parametrize(("given", "share"), [("5%", 0.05), (" 2.5 % ", 0.025), (0.2, 0.2)])
def test_shares_are_read_as_percentages_or_numbers(given: object, share: float) -> None:
    assert MetricGate.model_validate({"catch": given}).catch == pytest.approx(share)


@pytest.mark.parametrize(("given", "seconds"), [("500ms", 0.5), ("45s", 45), ("2min", 120), ("1h", 3600), (3, 3)])
def test_times_are_read_with_their_unit_or_in_seconds(given: object, seconds: float) -> None:
    assert Load.model_validate({"deadline_s": given}).deadline_s == pytest.approx(seconds)


@pytest.mark.parametrize("load", [{"arrivals": "constant"}, {"arrivals": "closed", "rate_rps": 1}])
def test_open_loops_have_a_rate_and_closed_ones_have_none(load: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="rate_rps"):
        Load.model_validate(load)


def test_a_scenario_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Scenario().name = "other"


def test_changes_are_given_as_their_metric_is_compared() -> None:
    def gate(metric: str, **given: object) -> Gate:
        return Gate.model_validate({"metrics": {metric: given}})

    assert gate("rss_growth_mb_per_1k", tolerance=20).metrics["rss_growth_mb_per_1k"].tolerance == 20
    assert gate("error_rate", catch="2%").metrics["error_rate"].catch == pytest.approx(0.02)
    for metric, given in [("rss_growth_mb_per_1k", "5%"), ("execute_ms", 10), ("error_rate", 1)]:
        with pytest.raises(ValidationError, match=f"{metric}.tolerance must be"):
            gate(metric, tolerance=given)
    with pytest.raises(ValidationError, match="must be less than 10"):
        Gate(metrics={"execute_ms": MetricGate(catch=10)})
