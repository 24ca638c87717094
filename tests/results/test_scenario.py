"""A result's scenario is the measured one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from perfgate.results.scenario import scenario_of
from perfgate.scenario.effective import effective
from perfgate.scenario.schema import Budget, Scenario


def _recorded(replicas: int) -> dict[str, object]:
    budget = Budget(measure_s=7.0).model_copy(update={"replicas": replicas})
    return effective(Scenario(name="here").model_copy(update={"budget": budget})).model_dump(mode="json")


@pytest.mark.parametrize("replicas", [1, 12])
def test_it_comes_back_as_it_was_recorded(replicas: int) -> None:
    found = scenario_of(_recorded(replicas))
    assert (found.name, found.budget.measure_s, found.budget.replicas) == ("here", 7.0, replicas)
    assert found.model_dump(mode="json") == _recorded(replicas)


def test_a_scenario_file_may_not_ask_for_one_replica() -> None:
    with pytest.raises(ValidationError):
        Scenario.model_validate(_recorded(1))


def test_one_without_a_budget_has_the_default() -> None:
    assert scenario_of({"name": "old"}).budget == Budget()
