"""A result's scenario is the measured one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from perfgate.model.interface import TensorSpec
from perfgate.payload.random_inputs import random_array
from perfgate.results.scenario import as_recorded, scenario_of
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


INPUTS = {"ids": {"low": 0, "high": 9}, "country": {"vocabulary": ["US", "GB"]}}


def test_settings_of_inputs_are_those_that_were_given() -> None:
    """An input refuses settings that its type does not take, so defaults must not look as if they were given."""
    scenario = Scenario.model_validate({"payload": {"inputs": INPUTS, "batch_size": 4}})
    found = scenario_of(as_recorded(scenario))
    assert {name: each.model_fields_set for name, each in found.payload.inputs.items()} == {
        "ids": {"low", "high"},
        "country": {"vocabulary"},
    }
    assert found.payload == scenario.payload
    tensor = TensorSpec("country", "string", (None,))
    array = random_array(tensor, (4,), found.payload.inputs["country"], np.random.default_rng(1))
    assert set(array.tolist()) <= {b"US", b"GB"}


CLASSES = {"small": {"batch_size": 8, "weight": 3.0}, "feed": {"inputs": INPUTS}}


def test_classes_take_what_was_not_given_from_the_payload() -> None:
    """Also where one was given the default, and the payload something else."""
    scenario = Scenario.model_validate({"payload": {"batch_size": 32}, "classes": CLASSES})
    found = scenario_of(json.loads(json.dumps(as_recorded(scenario))))
    assert found.request_classes() == scenario.request_classes()
    assert [payload.batch_size for _, _, payload in found.request_classes()] == [8, 32]
    assert as_recorded(found) == as_recorded(scenario)


def test_classes_of_older_results_have_all_keys() -> None:
    scenario = Scenario.model_validate({"payload": {"batch_size": 32}, "classes": {"feed": CLASSES["feed"]}})
    older = effective(scenario).model_dump(mode="json")
    assert older["classes"]["feed"]["batch_size"] == 8
    assert scenario_of(older).request_classes() == scenario.request_classes()
