"""The target that MODEL arguments and a scenario imply together, without a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from perfgate.errors import UsageError
from perfgate.loadgen.workers import Workers
from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import Model, ServedAs, Signature, TensorSpec
from perfgate.pipeline import opening
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.opening import COMMAND_REPLICAS, open_arms
from perfgate.pipeline.targets import _endpoint, driver_of, launcher_of
from perfgate.scenario.schema import Budget, DTypeName, Scenario, Target
from perfgate.serving.endpoint import EndpointLauncher
from perfgate.serving.endpoint_url import parse_endpoint
from perfgate.serving.fake import FakeReplica
from perfgate.serving.fork_ahead import Ahead
from perfgate.trials import Arm, Subject

OLD, NEW = "grpc://127.0.0.1:1/old", "grpc://127.0.0.1:2/new/versions/7"
SIGNATURES = (Signature("serving_default", "", (), ()),)
COMMAND = Target(kind="command", command="server --port={port} {model}")


@pytest.fixture(autouse=True)
def _servers_that_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(given: str, _: Target, signatures: tuple[Signature, ...] | None) -> Model:
        url = parse_endpoint(given)
        return Model(
            url.path, given, 1, "digest", 0, (), signatures or (), (), ServedAs(url.model_name, url.version, url.label)
        )

    monkeypatch.setattr(opening, "describe_endpoint", describe)
    monkeypatch.setattr(
        opening, "open_model", lambda given, _: Model(Path(given), given, 1, "digest", 1, (), SIGNATURES, ())
    )


def _open(scenario: Scenario, *pids: int, **given: str) -> Comparison:
    return open_arms(scenario, {Arm(arm): name for arm, name in given.items()}, pids, Path())


def test_models_on_disk_leave_the_scenario_as_it_is() -> None:
    opened = _open(Scenario(), baseline="old", candidate="new")
    assert opened.scenario == Scenario()
    assert [model.given for model in opened.models.values()] == ["old", "new"]


def test_urls_make_the_target_an_endpoint_with_a_replica_an_address() -> None:
    opened = _open(Scenario(), baseline=OLD, candidate=NEW)
    target, budget = opened.scenario.target, opened.scenario.budget
    assert (target.kind, target.protocol, target.model_name) == ("endpoint", "grpc", "new")
    assert (budget.replicas, budget.parents) == (1, 1)
    assert opened.models[Arm.CANDIDATE].served_as == ServedAs("new", 7)
    rest = _open(Scenario(), candidate="http://127.0.0.1:1,127.0.0.1:2/v1/models/m").scenario
    assert (rest.target.protocol, rest.budget.replicas) == ("rest", 2)


def test_processes_go_to_the_servers_in_order() -> None:
    mine = os.getpid()
    opened = _open(Scenario(), mine, mine, baseline=OLD, candidate=NEW)
    assert set(opened.subjects.values()) == {(Subject(mine, tree=True),)}
    assert set(_open(Scenario(), baseline=OLD, candidate=NEW).subjects.values()) == {(Subject(),)}


@pytest.mark.parametrize(
    ("scenario", "pids", "given", "problem"),
    [
        (Scenario(), (), {"baseline": OLD, "candidate": "disk"}, "disk is a model on disk, but the other"),
        (Scenario(), (1,), {"candidate": "disk"}, "--pid is for running servers"),
        (Scenario(target=Target(kind="endpoint")), (), {"candidate": "disk"}, "disk: the scenario's target is"),
        (Scenario(), (), {"baseline": OLD, "candidate": "http://h:1/v1/models/m"}, "differ in protocol"),
        (Scenario(), (), {"baseline": OLD, "candidate": "grpc://h:1,h:2/m"}, "differ in protocol or in the number"),
        (Scenario(), (os.getpid(),) * 2, {"candidate": OLD}, "2 --pid options, but fewer servers"),
        (Scenario(target=Target(kind="command", command="serve {where}")), (), {"candidate": "disk"}, "where"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_one_usage_error(
    scenario: Scenario, pids: tuple[int, ...], given: dict[str, str], problem: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _open(scenario, *pids, **given)
    assert problem in caught.value.problem
    assert caught.value.remedy


def test_foreign_servers_are_few_unless_the_scenario_says_how_many() -> None:
    assert _open(Scenario(target=COMMAND), candidate="disk").scenario.budget.replicas == COMMAND_REPLICAS
    asked = Scenario(target=COMMAND, budget=Budget(replicas=9))
    assert _open(asked, candidate="disk").scenario.budget.replicas == 9


def test_a_launcher_of_running_servers_starts_nothing(tmp_path: Path) -> None:
    opened = _open(Scenario(), candidate=OLD)
    assert isinstance(launcher_of(opened, {}, tmp_path / "log", (), Ahead())(0), EndpointLauncher)


def test_a_driver_needs_an_address_of_the_protocol(rng_replica: FakeReplica) -> None:
    scenario = Scenario(target=Target(protocol="rest"))
    with Workers(1) as workers, pytest.raises(UsageError, match="no REST address"):
        driver_of(rng_replica, scenario, 1.0, workers)


@pytest.mark.parametrize(("name", "path"), [("ranker", "ranker"), ("my ranker/ä", "my%20ranker%2F%C3%A4")])
def test_a_models_name_may_hold_what_a_path_may_not(name: str, path: str, rng_replica: FakeReplica) -> None:
    assert _endpoint(rng_replica, Scenario(target=Target(model_name=name)), 1.0).model_name == path


@pytest.fixture
def rng_replica() -> FakeReplica:
    return FakeReplica(1, 1.0, np.random.default_rng(1))


def test_a_model_on_disk_provides_signatures_that_a_server_does_not_report(tmp_path: Path) -> None:
    scenario = Scenario(target=Target(signature_from="model"))
    opened = open_arms(scenario, {Arm.BASELINE: OLD, Arm.CANDIDATE: NEW}, (), tmp_path)
    assert {model.signatures for model in opened.models.values()} == {SIGNATURES}
    assert opened.scenario.target.kind == "endpoint"
    with pytest.raises(UsageError, match="signatures are read from the models themselves"):
        open_arms(scenario, {Arm.CANDIDATE: "disk"}, (), tmp_path)


def _spelt(dtype: str = "float32", **more: object) -> dict[str, object]:
    inputs = {"x": {"dtype": dtype, "shape": [-1, 3]}, "a": {"dtype": "string"}}
    return {"signature": "rank", "method": "classify", "signature_def": {"inputs": inputs}, **more}


def test_a_server_that_says_nothing_is_described_by_the_scenario(tmp_path: Path) -> None:
    inputs = (TensorSpec("a", "string", None), TensorSpec("x", "float32", (None, 3)))
    scenario = Scenario.model_validate({"payload": _spelt()})
    opened = open_arms(scenario, {Arm.BASELINE: OLD, Arm.CANDIDATE: NEW}, (), tmp_path)
    expected = (Signature("rank", "tensorflow/serving/classify", inputs, ()),)
    assert [model.signatures for model in opened.models.values()] == [expected] * 2
    with pytest.raises(UsageError, match="signatures are read from the models themselves"):
        open_arms(scenario, {Arm.CANDIDATE: "disk"}, (), tmp_path)
    twice = scenario.model_copy(update={"target": Target(signature_from="model")})
    with pytest.raises(UsageError, match="cannot be used together"):
        open_arms(twice, {Arm.CANDIDATE: NEW}, (), tmp_path)


def test_classes_share_a_signature_or_have_their_own(tmp_path: Path) -> None:
    def keys(**classes: object) -> list[str]:
        scenario = Scenario.model_validate({"payload": _spelt(), "classes": classes})
        model = open_arms(scenario, {Arm.CANDIDATE: NEW}, (), tmp_path).models[Arm.CANDIDATE]
        return [signature.key for signature in model.signatures]

    assert keys(small={"batch_size": 1}, large={"batch_size": 64}) == ["rank"]
    assert keys(small={}, other=_spelt("int64", signature="other")) == ["other", "rank"]
    with pytest.raises(UsageError, match="define signature rank differently"):
        keys(small={}, other=_spelt("int64"))


@pytest.mark.parametrize(
    "wrong",
    [{"inputs": {}}, {"inputs": {"x": {"dtype": "float"}}}, {"inputs": {"x": {"dtype": "bool", "shape": [-2]}}}],
)
def test_a_signature_that_no_request_can_have_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Scenario.model_validate({"payload": {"signature_def": wrong}})


def test_the_types_of_a_signature_are_those_that_requests_can_carry() -> None:
    assert set(get_args(DTypeName)) == set(BY_NAME)
