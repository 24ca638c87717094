"""The contract of every target, whatever answers the requests: real models, servers and processes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from perfgate.errors import ExitCode, InvalidRunError
from perfgate.loadgen.interface import ClosedLoop, Driver, OpenLoop
from perfgate.model.interface import Model
from perfgate.model.messages import PredictResponse
from perfgate.model.saved_model import open_model
from perfgate.model.tensors import decode
from perfgate.observe.choose import observer_of
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.record import record_scenario
from perfgate.payload.rest import rest_form
from perfgate.scenario.schema import Scenario, Target
from perfgate.serving.interface import Replica
from tests.serving.killing import kill
from tests.serving.kits import KITS, NAME, Kit, family, words_of

if TYPE_CHECKING:
    from tests.conftest import RankingModels

pytestmark = [pytest.mark.live, pytest.mark.slow]

OK, DEADLINE_EXCEEDED = 0, 4


@pytest.fixture(scope="module")
def model(ranking_models: RankingModels, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(ranking_models.v1), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def payloads(model: Model) -> dict[str, RecordedPayload]:
    made = record_scenario(model, Scenario(target=Target(model_name=NAME)), 0)
    return {"grpc": made, "rest": rest_form(made)}


@pytest.fixture(scope="module")
def own_numbers(model: Model, payloads: dict[str, RecordedPayload]) -> dict[str, Any]:
    program = str(Path(__file__).with_name("own_numbers.py"))
    body = payloads["grpc"].calls[0].body
    done = subprocess.run([sys.executable, program, str(model.path)], input=body, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", params=KITS, ids=list(KITS))
def kit(request: pytest.FixtureRequest, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    yield from KITS[request.param](model, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def replica(kit: Kit) -> Replica:
    return kit.launcher.start(kit.spec)


@contextmanager
def _driven(kit: Kit, replica: Replica, deadline_s: float = 10.0) -> Iterator[tuple[str, Driver]]:
    """Return the target's first form of requests and a driver."""
    form, make = next(iter(kit.drivers.items()))
    with make(replica, deadline_s) as driver:
        yield form, driver


def test_it_starts_and_says_what_is_known_of_it(kit: Kit, replica: Replica) -> None:
    assert replica.pid is not None
    assert psutil.pid_exists(replica.pid)
    assert replica.subject.pid == replica.pid
    assert replica.replayed == 0
    for form, address in (("grpc", replica.address), ("rest", replica.rest_address)):
        assert not address or (form in kit.drivers and address.startswith("127.0.0.1:"))
    assert 0 < replica.load_time_s < 120 if kit.ours else math.isnan(replica.load_time_s)
    replica.ensure_alive()


def test_it_answers_with_the_models_own_numbers(
    kit: Kit, replica: Replica, payloads: dict[str, RecordedPayload], own_numbers: dict[str, Any]
) -> None:
    ((name, own),) = own_numbers.items()
    for form, make in kit.drivers.items():
        with make(replica, 10.0) as driver:
            answer = driver.call(payloads[form].calls[0])
        assert answer.status == OK, answer.message
        if form == "grpc":
            outputs = PredictResponse.FromString(answer.body).outputs
            assert list(outputs) == [name]
            np.testing.assert_allclose(decode(outputs[name]), own, rtol=1e-5)
        else:
            np.testing.assert_allclose(json.loads(answer.body)["predictions"], own, rtol=1e-5)


def test_as_many_requests_are_recorded_as_were_asked_for(
    kit: Kit, replica: Replica, payloads: dict[str, RecordedPayload]
) -> None:
    for form, make in kit.drivers.items():
        with make(replica, 10.0) as driver:
            one = driver.drive(payloads[form].cycle, ClosedLoop(in_flight=1, requests=7))
            many = driver.drive(payloads[form].cycle, ClosedLoop(in_flight=8, requests=64), first_call=3)
            due = driver.drive(payloads[form].cycle, OpenLoop(np.linspace(0, 0.5, 20)))
        for requests, count in ((one, 7), (many, 64), (due, 20)):
            assert requests.status.tolist() == [OK] * count
            assert requests.service_ms.size == requests.send_lag_ms.size == count
            assert np.all(requests.service_ms > 0)
            assert np.all(requests.response_ms >= requests.service_ms - 1e-6)
        np.testing.assert_allclose(due.scheduled_s, np.linspace(0, 0.5, 20))


def test_a_deadline_ends_requests_and_not_the_server(
    kit: Kit, replica: Replica, payloads: dict[str, RecordedPayload]
) -> None:
    with _driven(kit, replica, deadline_s=0.001) as (form, hasty):
        requests = hasty.drive(payloads[form].cycle, ClosedLoop(in_flight=100, requests=200))  # too many for 1 ms
    late = requests.status == DEADLINE_EXCEEDED
    assert late.any()
    assert requests.status.size == 200
    assert np.all(requests.response_ms[late] >= 1.0)
    with _driven(kit, replica) as (form, patient):
        assert patient.call(payloads[form].calls[0]).status == OK
    replica.ensure_alive()


def test_its_work_shows_in_its_accounts(kit: Kit, replica: Replica, payloads: dict[str, RecordedPayload]) -> None:
    observer = observer_of(replica.subject)
    before_ms = observer.cpu_ms()
    with _driven(kit, replica) as (form, driver):
        driver.drive(payloads[form].cycle, ClosedLoop(in_flight=2, requests=50))
    assert 5 < observer.cpu_ms() - before_ms < 60_000
    assert observer.memory().rss_mb > 50


def test_a_wrong_model_is_reported_in_one_line(kit: Kit) -> None:
    error = words_of(kit.try_wrong_model)
    assert error.exit_code in {ExitCode.USAGE, ExitCode.INVALID}
    assert "\n" not in error.problem
    assert len(error.problem) < 500
    assert error.remedy


def test_waiting_is_reported_once_per_request_and_never_negative(
    kit: Kit, replica: Replica, payloads: dict[str, RecordedPayload]
) -> None:
    with _driven(kit, replica) as (form, driver):
        took_ms = driver.drive(payloads[form].cycle, ClosedLoop(in_flight=1, requests=1)).service_ms[0]
    assert 0 <= replica.waited_ms() < 1000 + took_ms
    assert replica.waited_ms() == 0


def test_depth_execute_is_there_or_is_not(replica: Replica) -> None:
    if not replica.executes:
        with pytest.raises(ValueError, match="does not support depth `execute`"):
            replica.execute(0)


def test_a_replica_that_is_killed_says_how_it_ended_and_the_others_live(kit: Kit, replica: Replica) -> None:
    other = kit.launcher.start(kit.spec)
    assert other.pid is not None
    assert other.pid != replica.pid
    kill(other.pid)
    with pytest.raises(InvalidRunError, match=rf"\(process {other.pid}\) died: ") as caught:
        other.ensure_alive()
    assert "killed by SIGKILL" in caught.value.problem or not kit.ours
    replica.ensure_alive()


def test_stop_leaves_no_process_of_its_own_and_every_other(kit: Kit, replica: Replica) -> None:
    assert replica.pid is not None
    processes = family(replica.pid)
    kit.launcher.stop()
    kit.launcher.stop()
    _, alive = psutil.wait_procs(processes, timeout=5 if kit.ours else 0.2)
    assert set(alive) == (set() if kit.ours else set(processes))
